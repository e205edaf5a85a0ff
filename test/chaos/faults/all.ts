import { CRASHES } from './crashes.ts'
import { CUTS } from './cuts.ts'
import type { Fault } from './fault.ts'
import { JOINS_AND_LEAVES } from './joins-and-leaves.ts'
import { PAUSES } from './pauses.ts'

export const FAULTS: readonly Fault[] = [...CRASHES, ...JOINS_AND_LEAVES, ...PAUSES, ...CUTS]
