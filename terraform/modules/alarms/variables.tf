variable "name" {
  description = "What the names of topic and alarms begin with."
  type        = string
}

variable "environment" {
  description = "The package's environment, e.g. prod: part of the metrics' names."
  type        = string
}

variable "clients" {
  description = "Client → whether it publishes by itself (schedule), must do so in time (deadline), takes events in (events)."
  type        = map(object({ schedule = optional(string), deadline = optional(number), events = optional(bool, false) }))

  validation {
    # CloudWatch takes at most 100 metric filters of a log group.
    condition     = sum(concat([0], [for entry in var.clients : entry.events ? 7 : 5])) <= 100
    error_message = "clients: at most 20 for one MWAA environment (14 with feeds), 5 metric filters each (7 with feeds); use a second environment."
  }
}

variable "log_groups" {
  description = "Log groups of MWAA's Task, Scheduler and DAGProcessing."
  type        = object({ Task = string, Scheduler = string, DAGProcessing = string })
}

variable "emails" {
  description = "Addresses that the topic sends to; each has to confirm."
  type        = list(string)
  default     = []
}

variable "publication_hours" {
  description = "Client → hours without a publication that raise the alarm, for clients whose schedule is not daily."
  type        = map(number)
  default     = {}

  validation {
    # CloudWatch looks at most seven days back.
    condition     = alltrue([for hours in values(var.publication_hours) : hours >= 1 && hours <= 168])
    error_message = "publication_hours must be from 1 to 168: CloudWatch looks at most seven days back."
  }
}

variable "export_failures" {
  description = "Failed tries of exports in an hour that raise the alarm; single ones are retried."
  type        = number
  default     = 3
}

variable "kms_key_arn" {
  description = "Key of the topic; CloudWatch must be allowed to use it. Null: not encrypted by a key of ours."
  type        = string
  default     = null
}
