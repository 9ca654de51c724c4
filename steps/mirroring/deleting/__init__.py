"""What no ImageSet needs any more: planned, deleted, cleaned up."""
