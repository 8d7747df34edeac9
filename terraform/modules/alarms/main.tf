# Alarms on what the package itself counts (docs/alerts.md): each counter is a line of the log with its whole name, in
# JSON or as text, so that one pattern finds it in every log group.

locals {
  namespace = "BillingDataAggregator/${var.environment}"
  daily     = 26

  # Tasks of a run count in the log of tasks. A deadline is noticed by the triggerer, which MWAA runs beside the
  # scheduler (Airflow 3.3), or by the run's last task (3.2).
  groups = {
    run_failed      = ["Task"]
    published       = ["Task"]
    export_failed   = ["Task"]
    alert_failed    = ["Task", "Scheduler", "DAGProcessing"]
    deadline_missed = ["Task", "Scheduler", "DAGProcessing"]
    feed_rejected   = ["Task"]
    feed_lost       = ["Task"]
  }
  filters = merge(flatten([
    for client, entry in var.clients : [
      for metric, groups in local.groups : {
        for group in groups : "${client}.${metric}.${group}" => { client = client, metric = metric, group = group }
      } if !startswith(metric, "feed_") || entry.events
    ]
  ])...)

  failures = {
    run_failed      = { seconds = 300, times = 1, says = "A billing run failed: docs/runbook.md" }
    deadline_missed = { seconds = 300, times = 1, says = "A billing run is not published in time: docs/runbook.md" }
    alert_failed    = { seconds = 300, times = 1, says = "A message about a billing run could not be sent" }
    export_failed   = { seconds = 3600, times = var.export_failures, says = "Exports to S3 fail again and again" }
    feed_rejected   = { seconds = 3600, times = 1, says = "A feed has refused messages: docs/runbook.md" }
    feed_lost       = { seconds = 300, times = 1, says = "Messages of a feed's topic were lost: docs/runbook.md" }
  }
  counted = merge([
    for client, entry in var.clients : {
      for metric, alarm in local.failures : "${client}.${metric}" => merge(alarm, { client = client })
      if(metric != "deadline_missed" || entry.deadline != null) && (!startswith(metric, "feed_") || entry.events)
    }
  ]...)
  awaited = {
    for client, entry in var.clients : client => lookup(var.publication_hours, client, local.daily) if entry.schedule != null
  }
}

resource "aws_sns_topic" "this" {
  name              = "${var.name}-alarms"
  kms_master_key_id = var.kms_key_arn
}

resource "aws_sns_topic_policy" "this" {
  arn = aws_sns_topic.this.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.this.arn
    }]
  })
}

resource "aws_sns_topic_subscription" "email" {
  for_each  = toset(var.emails)
  topic_arn = aws_sns_topic.this.arn
  protocol  = "email"
  endpoint  = each.key
}

resource "aws_cloudwatch_log_metric_filter" "this" {
  for_each       = local.filters
  name           = each.key
  log_group_name = var.log_groups[each.value.group]
  pattern        = "\"billing.${each.value.client}.${var.environment}.${each.value.metric}\""

  metric_transformation {
    namespace = local.namespace
    name      = "${each.value.client}.${each.value.metric}"
    value     = "1"
    unit      = "Count"
  }
}

resource "aws_cloudwatch_metric_alarm" "failure" {
  for_each            = local.counted
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.says
  namespace           = local.namespace
  metric_name         = each.key
  statistic           = "Sum"
  period              = each.value.seconds
  evaluation_periods  = 1
  threshold           = each.value.times
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
}

# Also when nothing runs at all: no line is no publication.
resource "aws_cloudwatch_metric_alarm" "nothing_published" {
  for_each            = local.awaited
  alarm_name          = "${var.name}-${each.key}.nothing_published"
  alarm_description   = "Nothing was published for ${each.value} hours: docs/runbook.md"
  namespace           = local.namespace
  metric_name         = "${each.key}.published"
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = each.value
  datapoints_to_alarm = each.value
  threshold           = 1
  comparison_operator = "LessThanThreshold"
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
}
