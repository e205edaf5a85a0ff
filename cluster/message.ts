import type { Counts, DigestBlock, KeyRef, WantedBuckets } from '../crdt/counts.ts'
import type { LevelsBlock } from '../crdt/levels.ts'
import type { NodeId } from '../crdt/node-id.ts'
import type { TableId, WeightTable } from './weight-table.ts'

/**
 * Everything one node says to another. `wire.ts` turns these into bytes and back; nothing else crosses
 * the network. Durations and absolute counts only: a message may be late, doubled or lost without harm.
 */
export type Message =
  | Gossip
  | Hello
  | Forward
  | Reply
  | Digest
  | Repair
  | HandOver
  | SettingsMessage
  | WeightsMessage
  | Step

/**
 * What a node is doing, as members see it. In this order a later state overrides an earlier one of the
 * same incarnation and refutation: whoever is accused answers with a higher refutation.
 */
export const MEMBER_STATES = ['joining', 'active', 'suspect', 'dead', 'left'] as const
export type MemberState = (typeof MEMBER_STATES)[number]

/** Whether a member in this state is only remembered, until it denies that or a next life of it joins. */
export function isGone(state: MemberState): boolean {
  return state === 'dead' || state === 'left'
}

export interface MemberRecord {
  readonly id: NodeId
  /** The operator's name for the node; shown, never trusted. */
  readonly name: string
  readonly incarnation: number
  /** How often this incarnation has denied a rumour about itself. */
  readonly refutation: number
  readonly state: MemberState
  /** Where to dial it, in the transport's own notation. */
  readonly addresses: readonly string[]
}

/** The tick frame: a heartbeat, rumours about members, and the sender's own fresh counts. Broadcast. */
export interface Gossip {
  readonly type: 'gossip'
  readonly incarnation: number
  /** Counts the sender's frames, so that no two frames are the same bytes. */
  readonly sequence: number
  /** The sender's clock when it sent this; used only to estimate clock offsets. */
  readonly sentMs: number
  readonly view: number
  readonly members: readonly MemberRecord[]
  readonly counts: Counts
  readonly weighing?: WeightReport | undefined
}

/** What a member has to say of weights by demand. Absent: it was asked nothing, and holds equal weights. */
export interface WeightReport {
  /** Checks allowed to its clients lately. */
  readonly demand: number
  /** The tables by which it weighs. */
  readonly held: readonly TableId[]
}

/** All members the sender knows. Sent when a link opens, and when somebody acts on an older view. */
export interface Hello {
  readonly type: 'hello'
  readonly view: number
  readonly members: readonly MemberRecord[]
}

/** What is to be done to a key: a check of its limits, or something that they do not refuse. */
export const ACTIONS = ['check', 'refund', 'undo', 'penalise', 'reset'] as const
export type Action = (typeof ACTIONS)[number]

/** One check on its way to the node that should decide it. */
export interface ForwardedCheck extends KeyRef {
  readonly id: number
  readonly action: Action
  readonly cost: number
  /** Of an `undo`: how long ago the tokens were taken. Default: just now. */
  readonly ageMs?: number | undefined
  /** Times it has been forwarded already. At the hop limit it is decided where it is. */
  readonly hops: number
  /** Tokens of which its origin would take a lease. */
  readonly wanted?: number | undefined
}

/** Checks of one event-loop turn for one peer, and what the origin knows about their keys. */
export interface Forward {
  readonly type: 'forward'
  /** The sender's clock when it sent this; used only to tell what has been under way for too long. */
  readonly sentMs: number
  readonly view: number
  readonly checks: readonly ForwardedCheck[]
  readonly counts: Counts
}

/**
 * How a forwarded check was decided, or why it was not: the asker then decides itself. `unknown_rule`: there
 * is no such rule here. `moved`: the ring has changed, and the asker has been told of it before this answer.
 */
export const VERDICTS = [
  'allowed',
  'over_limit',
  'partition_share',
  'partition_closed',
  'overloaded',
  'unknown_rule',
  'moved',
] as const
export type Verdict = (typeof VERDICTS)[number]

/**
 * Tokens that the decider counts as admitted already, for an origin to give out by itself. The time counts from when
 * the origin asked; what it has not given out by then lapses.
 */
export interface Lease {
  readonly tokens: number
  readonly forMs: number
}

export interface ForwardedDecision {
  readonly id: number
  readonly verdict: Verdict
  /** Which of the rule's limits the numbers describe. */
  readonly limit: number
  readonly remaining: number
  readonly retryAfterMs: number
  readonly resetMs: number
  /** Of an admission by limits that shape: how long to wait. */
  readonly delayMs: number
  /** Beside what was asked. */
  readonly lease?: Lease | undefined
}

/** Answers to forwarded checks, and the decider's own counts of their keys. */
export interface Reply {
  readonly type: 'reply'
  readonly view: number
  readonly decisions: readonly ForwardedDecision[]
  readonly counts: Counts
}

/** "This is what I hold"; the receiver answers with a repair for the buckets in which it differs. */
export interface Digest {
  readonly type: 'digest'
  readonly round: number
  readonly blocks: readonly DigestBlock[]
  /** Of all that the sender holds, or of what concerns both where keys are held by a few: see `Survey`. */
  readonly isOfBoth: boolean
}

/** Counts from the buckets that differed. Several frames may answer one digest; `last` marks the final one. */
export interface Repair {
  readonly type: 'repair'
  readonly round: number
  readonly counts: Counts
  readonly want: readonly WantedBuckets[]
  readonly last: boolean
}

/**
 * "These keys are yours: I have stopped." What the sender admitted of them, as counts and as the levels of
 * its buckets. Several frames, each of counts or of levels; the last one holds the sender's own record.
 */
export interface HandOver {
  readonly type: 'hand-over'
  readonly counts: Counts
  readonly levels: readonly LevelsBlock[]
  readonly members: readonly MemberRecord[]
}

/** What all nodes of a cluster should have alike. Nothing is decided by whether they do: it is for operators. */
export interface Settings {
  /** The version of the rules: equal where they say the same. */
  readonly rules: string
  readonly gossipIntervalMs: number
  readonly fanout: number
}

/** "This is how I am set." Sent when a link opens, and when something of it changes. */
export interface SettingsMessage extends Settings {
  readonly type: 'settings'
}

/** "These are the weights that I hold", to a peer that lacks some of them. */
export interface WeightsMessage {
  readonly type: 'weights'
  readonly tables: readonly WeightTable[]
}

/**
 * How a member takes part where all decide (`in-step.ts`).
 *
 * - `bound`: it admits no more than its quota before the receiver holds it, and counts on the same of the receiver.
 * - `ready`: it would, as soon as everybody else would.
 * - `alone`: it does not reach everybody.
 */
export const STANCES = ['alone', 'ready', 'bound'] as const
export type Stance = (typeof STANCES)[number]

/** "These are my counts of what all of us decide, and this is what I hold of yours." On the streams only, in order. */
export interface Step {
  readonly type: 'step'
  /** With this frame the receiver has been sent all up to this number; the next step is the next number. */
  readonly number: number
  /** The receiver's own step up to which the sender holds everything; 0 if it cannot say. */
  readonly held: number
  readonly stance: Stance
  readonly counts: Counts
}
