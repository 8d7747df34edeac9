Feature: Monthly charges for usage
  An agency's apps use memory by the hour. What they used in a month is charged once the month is over in New York.

  Background:
    Given an app of 512 MB of the customer "Parks" at 1 credit for 1024 MB an hour from "2026-01-01"
    And readings every hour from "2026-01-31 20:00" to "2026-02-01 03:00" in New York

  Scenario: A month is charged on the first night of the next
    When the night of "2026-01-31" has run
    Then nothing is posted
    When the night of "2026-02-01" has run
    Then "2 credits" are posted for "2026-01"
    When the night of "2026-02-01" has run
    Then "2 credits" are posted for "2026-01"

  Scenario: An hour that was missed is estimated, in the customer's favor
    Given the reading of "2026-01-31 22:00" was missed and the app had 256 MB at "2026-01-31 23:00"
    When the night of "2026-02-01" has run
    Then "1.5 credits" are posted for "2026-01"

  Scenario: A price that comes late is charged by a correction
    When the night of "2026-02-01" has run
    And the price is 3 credits from "2026-01-31 22:00"
    And the night of "2026-02-02" has run
    Then "2 credits, 2 credits" are posted for "2026-01"

  Scenario: An organization changes its customer
    When the night of "2026-02-01" has run
    And the organization belongs to nobody any more
    And the night of "2026-02-02" has run
    Then "2 credits, -2 credits" are posted for "2026-01"
