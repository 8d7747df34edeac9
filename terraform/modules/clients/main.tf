# What include/clients.yaml says of one environment's clients, merged as the package merges it
# (plugins/billing_aggregator/config/clients_file.py): defaults, then the environment, then the client's own entry;
# mappings are merged, everything else is replaced. A test compares the result with the package's.

locals {
  content     = yamldecode(file(var.file))
  environment = try(local.content.environments[var.environment], null)

  # Each layer goes through JSON: objects of different keys have no common type.
  layers = {
    for client, entries in local.content.clients : client => [
      for layer in [
        jsonencode(try(local.content.defaults, null)), jsonencode(local.environment), jsonencode(entries[var.environment]),
      ] : layer == "null" ? "{}" : layer
    ] if can(entries[var.environment])
  }
  own    = { for client, layers in local.layers : client => merge([for layer in layers : jsondecode(layer)]...) }
  alerts = { for client, layers in local.layers : client => merge([for layer in layers : try(jsondecode(layer).alerts, {})]...) }
  export = { for client, layers in local.layers : client => merge([for layer in layers : try(jsondecode(layer).export, {})]...) }
  feeds = {
    for client, layers in local.layers : client => {
      for name in distinct(flatten([for layer in layers : try(keys(jsondecode(layer).feeds), [])])) : name => merge([
        for layer in layers : try(jsondecode(layer).feeds[name], {})
      ]...)
    }
  }
  # Kind of feed → what the name of its connection begins with.
  platforms = { kafka = "kafka", meters = "cloudfoundry" }

  clients = {
    for client, entry in local.own : client => {
      bucket    = entry.s3_bucket
      template  = try(entry.key_template, "{client}/{environment}/{file}")
      schedule  = try(entry.schedule, null)
      deadline  = try(entry.deadline_minutes, 120)
      database  = try(coalesce(entry.db_conn_id), "octopus_${client}_${var.environment}")
      log_level = upper(try(entry.log_level, "INFO"))
      mail      = try(length(local.alerts[client].email), 0) > 0 ? try(local.alerts[client].smtp_conn_id, "smtp_default") : null
      feeds = sort(distinct([
        for feed in values(local.feeds[client]) :
        try(coalesce(feed.conn_id), "${local.platforms[feed.kind]}_${client}_${var.environment}") if try(feed.enabled, true)
      ]))
      events     = anytrue([for feed in values(local.feeds[client]) : feed.kind == "kafka" && try(feed.enabled, true)])
      slack      = try(local.alerts[client].slack, false) ? try(local.alerts[client].slack_conn_id, "slack_alerts") : null
      encryption = try(local.export[client].encryption, "bucket")
      kms_key    = try(local.export[client].kms_key_id, null)
      acl        = try(local.export[client].acl, null) != null
      tags       = length(merge([for layer in local.layers[client] : try(jsondecode(layer).export.tags, {})]...)) > 0
    } if try(entry.enabled, true)
  }

  # What the keys of a client's files begin with: the template up to its first field that differs from run to run.
  # The manifest, the lock and the probe of the store are always below <client>/<environment>/.
  filled = {
    for client, entry in local.clients : client => replace(
      replace(entry.template, "{client}", client), "{environment}", var.environment
    )
  }
  prefixes = {
    for client, text in local.filled : client => distinct(["${client}/${var.environment}/", split("{", text)[0]])
  }
}
