variable "cluster_arn" {
  description = "The MSK cluster, arn:aws:kafka:<region>:<account>:cluster/<name>/<id>."
  type        = string

  validation {
    condition     = can(regex("^arn:aws:kafka:[a-z0-9-]+:[0-9]{12}:cluster/[^/]+/[^/]+$", var.cluster_arn))
    error_message = "cluster_arn must be the ARN of an MSK cluster."
  }
}

variable "read_topics" {
  description = "Topics that the feed takes in."
  type        = list(string)
}

variable "write_topics" {
  description = "Topics that the outbox is relayed to."
  type        = list(string)
  default     = []
}

variable "create_topics" {
  description = "Topic → partitions, of those that are made here, with three replicas and the cluster's own settings."
  type        = map(number)
  default     = {}
}

variable "group" {
  description = "Consumer group of the feed, and its transactional id: billing-<feed>-<client>-<environment>."
  type        = string
}

variable "broker_security_group_id" {
  description = "Security group of the brokers; null: its rules are kept elsewhere."
  type        = string
  default     = null
}

variable "worker_security_group_id" {
  description = "Security group of the workers."
  type        = string
}

variable "name" {
  description = "What the names of alarms begin with."
  type        = string
}

variable "topic_arn" {
  description = "SNS topic of the alarms."
  type        = string
}

variable "lag_messages" {
  description = "Messages of one partition that the feed may be behind."
  type        = number
  default     = 10000
}
