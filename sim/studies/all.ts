import { compareStudy } from './compare.ts'
import { convergenceStudy } from './convergence.ts'
import { gossipStudy } from './gossip.ts'
import { partition } from './partition.ts'
import { scaleStudy } from './scale.ts'
import type { Study } from './study.ts'

/** Every study, in the order in which they are listed. */
export const STUDIES: readonly Study[] = [
  partition,
  convergenceStudy,
  gossipStudy,
  scaleStudy,
  compareStudy,
]
