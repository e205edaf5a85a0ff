import type { OnPartition } from '../../src/limiter/policy.ts'
import type { Report } from '../charts/report.ts'

/** A question about Weir that a set of runs answers with a report: words, numbers and pictures. */
export interface Study {
  /** One word; what `npm run sim -- <name>` runs. */
  readonly name: string
  /** What it asks, in a few words. */
  readonly summary: string
  /** Which options, beside the seed and the nodes, change anything. */
  readonly takes: readonly ('seeds' | 'onPartition')[]
  /** @throws UnfitOptions */
  run(options: StudyOptions, progress: StudyProgress): Report
}

/** Options that a study can make nothing of. The message is for whoever gave them. */
export class UnfitOptions extends Error {}

/** What was asked for; what is left out is the study's choice. */
export interface StudyOptions {
  readonly seed: number
  readonly seeds?: number
  readonly nodes?: number
  /** One partition policy instead of all, for a study that compares them. */
  readonly onPartition?: OnPartition
  /** The command that repeats the study, for its report. */
  readonly command: string
}

/** Told now and then how far a study is. It may take any time, and must not be told anything random. */
export type StudyProgress = (done: {
  /** What is being done, in a few words. */
  readonly what: string
  /** In [0, 1]. */
  readonly share: number
  /** Simulated so far, in all runs together. */
  readonly events: number
  /** Virtual time of the study so far. */
  readonly virtualMs: number
}) => void
