variable "file" {
  description = "Path of include/clients.yaml."
  type        = string
}

variable "environment" {
  description = "The environment whose clients are read, e.g. prod."
  type        = string
}
