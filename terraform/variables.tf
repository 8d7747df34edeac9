variable "environment" {
  description = "Environment of include/clients.yaml, e.g. prod."
  type        = string

  validation {
    condition     = contains(["dev", "stage", "prod", "playground"], var.environment)
    error_message = "environment must be dev, stage, prod or playground, as in include/clients.yaml."
  }
}

variable "name" {
  description = "Name of the MWAA environment; null: billing-data-aggregator-<environment>."
  type        = string
  default     = null
}

variable "clients_file" {
  description = "Path of clients.yaml; null: include/clients.yaml beside this folder."
  type        = string
  default     = null
}

variable "bundle" {
  description = "Folder that `make package-mwaa` has built; null: its files are uploaded by someone else."
  type        = string
  default     = null
}

variable "airflow_version" {
  description = "Version of MWAA's Airflow: 3.3.1 or 3.2.1."
  type        = string
  default     = "3.3.1"
}

variable "vpc_id" {
  description = "VPC of the workers; the warehouse must be reachable from it."
  type        = string
}

variable "subnet_ids" {
  description = "Two private subnets in different availability zones."
  type        = list(string)
}

variable "create_buckets" {
  description = "Whether the clients' buckets are made here; false: they exist already."
  type        = bool
  default     = true
}

variable "kms_key_arn" {
  description = "One key for buckets, logs, secrets, alarms and MWAA; null: AWS' own keys."
  type        = string
  default     = null
}

variable "environment_class" {
  description = "Size of scheduler, web server and workers."
  type        = string
  default     = "mw1.small"
}

variable "workers" {
  description = "Fewest and most workers."
  type        = object({ min = number, max = number })
  default     = { min = 1, max = 4 }
}

variable "webserver_access_mode" {
  description = "PRIVATE_ONLY (from the VPC) or PUBLIC_ONLY (from the internet, behind IAM)."
  type        = string
  default     = "PRIVATE_ONLY"
}

variable "log_retention_days" {
  description = "Days that CloudWatch keeps logs."
  type        = number
  default     = 90
}

variable "old_version_days" {
  description = "Days after which a replaced version of an object is gone."
  type        = number
  default     = 35
}

variable "alarm_emails" {
  description = "Addresses that alarms are sent to, beside the messages of the package itself."
  type        = list(string)
  default     = []
}

variable "publication_hours" {
  description = "Client → hours without a publication that raise the alarm, where the schedule is not daily."
  type        = map(number)
  default     = {}
}

variable "kafka" {
  description = "The MSK cluster of the orders feed; null: there is none."
  type = object({
    cluster_arn              = string
    read_topics              = list(string)
    write_topics             = optional(list(string), [])
    create_topics            = optional(map(number), {})
    group                    = string
    broker_security_group_id = optional(string)
    lag_messages             = optional(number, 10000)
  })
  default = null
}
