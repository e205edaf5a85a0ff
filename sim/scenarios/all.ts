import { OTHER_ALGORITHMS } from './algorithms.ts'
import { CLOCKS } from './clocks.ts'
import { HEALTHY } from './healthy.ts'
import { HOSTILE } from './hostile.ts'
import { JOINS_AND_LEAVES } from './joins-and-leaves.ts'
import { LARGE } from './large.ts'
import { LEASES } from './leases.ts'
import { LOCAL } from './local.ts'
import { MISINFORMED } from './misinformed.ts'
import { OWNER_LOSS } from './owner-loss.ts'
import { RESTARTS } from './restarts.ts'
import type { Scenario } from './scenario.ts'
import { SPLITS } from './splits.ts'
import { SPLITS_BY_DEMAND } from './splits-by-demand.ts'

/** Every story, in the order in which the table tells them. */
export const SCENARIOS: readonly Scenario[] = [
  ...HEALTHY,
  ...OWNER_LOSS,
  ...RESTARTS,
  ...SPLITS,
  ...SPLITS_BY_DEMAND,
  ...CLOCKS,
  ...JOINS_AND_LEAVES,
  ...HOSTILE,
  ...MISINFORMED,
  ...OTHER_ALGORITHMS,
  ...LEASES,
  ...LOCAL,
  ...LARGE,
]
