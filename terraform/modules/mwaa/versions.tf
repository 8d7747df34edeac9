terraform {
  required_version = ">= 1.7" # mocked providers in tests
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}
