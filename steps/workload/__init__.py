"""The objects of the workload (ConfigMaps, claim, Job, CronJob, Deployment) as data, and their rollout."""
