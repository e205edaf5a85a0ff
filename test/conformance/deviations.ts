const LIMITS_OF_RULES = 'limits are those of the rules, never of a request'

/** Cases in which Weir does otherwise, or cannot do it, each with the reason as docs/guarantees.md gives it. */
export const DEVIATIONS: ReadonlyMap<string, string> = new Map([
  ['gub-negative-hits-window', 'a refund never leaves more than the limit'],
  ['gub-flaw-raise-limit-after-deny', LIMITS_OF_RULES],
  ['upstash-dynamic-lower', LIMITS_OF_RULES],
  [
    'gub-global-overshoot-envelope',
    'five nodes admit 250 of 100 there; here the owner of the key admits 100',
  ],
  [
    'lim-flaw-second-granularity',
    'a check is taken whole or not at all: of 6 and 6 under a limit of 10, 4 are left',
  ],
  [
    'express-zero',
    'a limit of 0 is a mistake in a rules file: whoever may do nothing needs no limiter',
  ],
  ['nrlf-block-key', 'a key is not blocked for a while by hand; a penalty does so by its limit'],
  ['nrlf-restore-short', 'a limit this fast is not kept over the restart of a single node'],
])
