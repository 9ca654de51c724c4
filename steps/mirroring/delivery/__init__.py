"""What a run leaves: cluster resources, AutoShift's block, the receipt in the target."""
