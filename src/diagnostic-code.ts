/**
 * Every kind of mistake in what an operator writes: rules, requests to try them on, and options of a node.
 * Stable: scripts and programs may rely on them. docs/reference/file-errors.md has an entry for each. A
 * `warning` is of something that can be used and almost surely is not what was meant.
 */
export const DIAGNOSTICS = {
  file_unreadable: 'error',
  file_too_large: 'error',
  yaml_syntax: 'error',
  yaml_unsupported: 'error',
  nested_too_deep: 'error',

  unknown_property: 'error',
  missing_property: 'error',
  duplicate_property: 'error',
  property_alone: 'error',
  wrong_type: 'error',
  unknown_word: 'error',
  malformed_value: 'error',
  out_of_range: 'error',
  empty_value: 'error',
  too_long: 'error',
  duration_too_long: 'error',
  time_malformed: 'error',
  version_unknown: 'error',

  rule_repeated: 'error',
  rule_unknown: 'error',
  rule_name_too_long: 'error',
  limits_and_tier: 'error',
  tier_unknown: 'error',
  override_repeated: 'error',
  too_many_tables: 'error',
  cost_above_burst: 'error',
  needs_an_owner: 'error',
  template_malformed: 'error',
  key_without_variable: 'error',

  rate_malformed: 'error',
  rate_too_large: 'error',
  burst_too_large: 'error',
  window_too_large: 'error',
  algorithm_mismatch: 'error',
  time_zone_unknown: 'error',

  address_malformed: 'error',
  rules_missing: 'error',
  secret_missing: 'error',
  admin_token_missing: 'error',
  tls_incomplete: 'error',
  seeds_without_peers: 'error',
  workers_without_peers: 'error',
  workers_without_room: 'error',

  path_not_normal: 'warning',
  limit_redundant: 'warning',
  tier_unused: 'warning',
  override_expired: 'warning',
  override_shadowed: 'warning',
  variable_unknown: 'warning',
} as const satisfies Record<string, 'error' | 'warning'>

export type DiagnosticCode = keyof typeof DIAGNOSTICS
