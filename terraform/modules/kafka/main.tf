# Access to an MSK cluster by IAM, its topics where they are to be made here, and the alarm on a feed that falls behind.
# The cluster belongs to those who run Kafka.

locals {
  parts   = regex("^(?P<prefix>arn:aws:kafka:[a-z0-9-]+:[0-9]{12}):cluster/(?P<name>[^/]+)/(?P<id>[^/]+)$", var.cluster_arn)
  topic   = "${local.parts.prefix}:topic/${local.parts.name}/${local.parts.id}"
  group   = "${local.parts.prefix}:group/${local.parts.name}/${local.parts.id}/${var.group}"
  writer  = "${local.parts.prefix}:transactional-id/${local.parts.name}/${local.parts.id}/${var.group}"
  iam_tls = 9098

  statements = concat(
    [
      {
        Effect   = "Allow"
        Action   = ["kafka-cluster:Connect"]
        Resource = [var.cluster_arn]
      },
      {
        Effect   = "Allow"
        Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"]
        Resource = [for topic in var.read_topics : "${local.topic}/${topic}"]
      },
      {
        Effect   = "Allow"
        Action   = ["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"]
        Resource = [local.group]
      },
    ],
    length(var.write_topics) == 0 ? [] : [
      {
        Effect = "Allow"
        # Read: after a crash the relay looks for what it has sent.
        Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData", "kafka-cluster:WriteData"]
        Resource = [for topic in var.write_topics : "${local.topic}/${topic}"]
      },
      {
        Effect   = "Allow"
        Action   = ["kafka-cluster:AlterTransactionalId", "kafka-cluster:DescribeTransactionalId"]
        Resource = [local.writer]
      },
      {
        Effect   = "Allow"
        Action   = ["kafka-cluster:WriteDataIdempotently"]
        Resource = [var.cluster_arn]
      },
    ],
  )
}

# The provider has a resource for topics in its newest versions only; CloudFormation's is there with all of them.
resource "aws_cloudformation_stack" "topics" {
  count = length(var.create_topics) == 0 ? 0 : 1
  name  = "${var.name}-topics"
  template_body = jsonencode({
    Resources = {
      for topic, partitions in var.create_topics : "Topic${md5(topic)}" => {
        Type = "AWS::MSK::Topic"
        # What has been sent is not removed with a line of Terraform.
        DeletionPolicy      = "Retain"
        UpdateReplacePolicy = "Retain"
        Properties = {
          ClusterArn        = var.cluster_arn
          TopicName         = topic
          PartitionCount    = partitions
          ReplicationFactor = 3
        }
      }
    }
  })
}

resource "aws_vpc_security_group_ingress_rule" "workers" {
  count                        = var.broker_security_group_id == null ? 0 : 1
  security_group_id            = var.broker_security_group_id
  description                  = "Workers of ${var.name}: Kafka with IAM over TLS"
  referenced_security_group_id = var.worker_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = local.iam_tls
  to_port                      = local.iam_tls
}

# MSK measures this itself, from the offsets that the group commits.
resource "aws_cloudwatch_metric_alarm" "lag" {
  for_each            = toset(var.read_topics)
  alarm_name          = "${var.name}-feed-lag.${each.key}"
  alarm_description   = "The feed is behind topic ${each.key}: docs/runbook.md"
  namespace           = "AWS/Kafka"
  metric_name         = "MaxOffsetLag"
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 3
  threshold           = var.lag_messages
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "missing"
  alarm_actions       = [var.topic_arn]
  ok_actions          = [var.topic_arn]
  dimensions = {
    "Cluster Name"   = local.parts.name
    "Consumer Group" = var.group
    "Topic"          = each.key
  }
}
