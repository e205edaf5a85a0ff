import type { MemberState, Settings } from '../cluster/message.ts'
import type { Forgotten, Joined, RefusedOrder } from './cluster-orders.ts'
import type { Adjustment, Rejection } from './limiter/check.ts'
import type { OnPartition, PartitionWeights, Rule } from './limiter/policy.ts'
import type { Reserved, Settled, Unsettled } from './reservations.ts'
import type { RuleAnswer, RuleCheck } from './rule-answer.ts'
import type { RequestFacts } from './rules/request-facts.ts'
import type { RuleBook } from './rules/rule-book.ts'

/**
 * A node at work, as its doors see it: HTTP, the command line and the embedding program. `Runtime`
 * implements it; tests of a door may bring their own.
 */
export interface RunningNode {
  readonly name: string
  /** What the node enforces. */
  readonly book: RuleBook
  /**
   * Decide one check. At once when this node owns the key or remembers its refusal; otherwise a promise
   * that always resolves, at the latest after the forward timeouts of the key's candidates. Never throws.
   */
  check(request: RuleCheck): RuleAnswer | Rejection | Promise<RuleAnswer>
  /** Whatever is asked in `ask`, which waits for nothing, is asked at one moment: the clock is read once. */
  atOnce<Result>(ask: () => Result): Result
  /** What `check` would reject at this moment. Nothing is decided or counted. */
  mistake(request: RuleCheck): Rejection | undefined
  /**
   * Decide a request by what is known of it, under every rule it falls under; see `checkAll`. Each rule's own
   * cost is taken when `cost` is left out. The promise always resolves, as that of a check does.
   */
  checkRequest(
    facts: RequestFacts,
    cost?: number,
  ): RuleAnswer | Rejection | Promise<RuleAnswer | Rejection>
  /**
   * Gives tokens of a key back, takes them whether or not there is room, or begins the key anew. The answer says
   * how the key then stands; it comes as that of a check does.
   */
  adjust(action: Adjustment, request: RuleCheck): RuleAnswer | Rejection | Promise<RuleAnswer>
  /** Takes tokens to be settled within so many ms, by default a minute or for as long as permits last; see `Reservations`. */
  reserve(request: RuleCheck, forMs?: number): Promise<Reserved<RuleAnswer> | Rejection>
  settle(id: string, cost: number): Promise<Settled<RuleAnswer> | Unsettled | Rejection>
  /** One of `rules` by its name. */
  rule(name: string): Rule | undefined
  /** The limits that are counted by: those of rules, and of their tiers and overrides under names of their own. */
  readonly rules: readonly Rule[]
  readiness(): Readiness
  cluster(): ClusterStatus
  status(): NodeStatus
  /** A member, by its id or name, is gone for good; see `Membership.dismiss`. */
  forget(member: string): Forgotten | RefusedOrder
  /** Looks for members here, too, from now on. `address` as in the option `seeds`. */
  join(address: string): Joined | RefusedOrder
  /** What this node holds about one key, of a rule or of one of `rules`; for operators. `descriptor` as in a check. */
  inspect(
    rule: string,
    key: string,
    descriptor?: (name: string) => string | undefined,
  ): KeyInspection | Rejection
}

/** A partition or another node's failure never makes a node unready. */
export interface Readiness {
  readonly ready: boolean
  /** One word for the state: `joining`, `active`, `leaving`. */
  readonly state: 'joining' | 'active' | 'leaving'
}

export interface ClusterStatus {
  readonly node: string
  readonly id: string
  /** Fingerprint of the members in the ring; equal on nodes that agree. */
  readonly view: number
  readonly members: readonly MemberStatus[]
}

export interface MemberStatus {
  readonly id: string
  readonly name: string
  readonly state: MemberState
  readonly incarnation: number
  readonly self: boolean
  /** Whether a link to it is open now. */
  readonly linked: boolean
  /** Milliseconds since it was last heard; 0 for this node itself, null if never. */
  readonly heardMsAgo: number | null
  readonly addresses: readonly string[]
}

/** Everything by which one can tell whether a node and its cluster are well; `weir doctor` judges it. */
export interface NodeStatus extends Readiness {
  readonly node: string
  readonly id: string
  readonly rules: {
    readonly version: string
    /** Why the rules that were read last cannot be used; null when they can. */
    readonly refused: string | null
  }
  /** The table that is fullest: its rows, of which a key has one for each node that admitted it. */
  readonly keys: { readonly rule: string; readonly rows: number; readonly rowsMax: number } | null
  /** How late a tick was at worst, in the last ten to twenty seconds. */
  readonly lagMs: number
  /** How many members are reached, of those that may be alive. */
  readonly partition: { readonly reached: number; readonly members: number }
  readonly view: number
  /** Absent for a node that is alone by configuration. */
  readonly settings: Settings | null
  readonly members: readonly MemberReport[]
}

/** A member, and what it has said of itself; null: it has not yet, or nobody asked a node that is alone. */
export interface MemberReport extends MemberStatus {
  readonly view: number | null
  /** By how much its clock is ahead, less the shortest delay. */
  readonly clockOffsetMs: number | null
  readonly settings: Settings | null
}

/** The replicated counts of one key as this node holds them. */
export interface KeyInspection {
  readonly rule: string
  readonly key: string
  /** Whose limits these are, when they are not the rule's own. */
  readonly tier?: string
  /** The key of the override whose limits these are. */
  readonly override?: string
  /** The key's 64-bit hash in hex, as it travels between nodes. */
  readonly hash: string
  /** Names in preference order: the owner first. Nobody owns a key that is not counted. */
  readonly owners: readonly string[]
  /** Absent of a key that is not counted. */
  readonly partition?: PartitionInspection
  readonly limits: readonly LimitInspection[]
}

/** What the node's side of a network split may admit of a key. */
export interface PartitionInspection {
  readonly policy: OnPartition
  /** By what members weigh. */
  readonly weights: PartitionWeights
  /** How much of the limits this node gives out at present: 1 while everybody who may be alive is reached. */
  readonly weight: number
}

export interface LimitInspection {
  readonly limit: string
  readonly sliceMs: number
  /** Tokens in use by the fold over the counts below, rounded up. */
  readonly level: number
  /** Whether this node decides this key at present, on an exact bucket. */
  readonly acting: boolean
  /** Live counts: slice number, name of the node that admitted, its incarnation, tokens. Sorted. */
  readonly counts: readonly {
    readonly slice: number
    readonly node: string
    readonly incarnation: number
    readonly tokens: number
  }[]
}
