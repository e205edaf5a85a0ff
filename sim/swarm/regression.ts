import type { Experiment } from '../experiment.ts'
import type { Violation } from '../oracle.ts'

/** An experiment that once went wrong, and what was violated: kept to be run again for good. */
export interface Regression {
  readonly violated: Violation
  readonly experiment: Experiment
}

export function regressionName({ violated, experiment }: Regression): string {
  return `${violated.invariant}-${experiment.seed}.json`
}
