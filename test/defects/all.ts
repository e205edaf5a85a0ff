import { COUNTING } from './counting.ts'
import { DECIDING } from './deciding.ts'
import type { Defect } from './defect.ts'

/** Every mistake that the simulator has to notice. */
export const DEFECTS: readonly Defect[] = [...COUNTING, ...DECIDING]
