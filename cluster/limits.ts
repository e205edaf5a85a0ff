/**
 * Every interval and maximum of the protocol, with its unit and what each direction costs.
 * Options that operators set are in `src/options.ts`; these are the constants.
 */

/** Bytes of one peer frame. Above it gossipsub mutes the pair, so nothing larger is ever sent or accepted. */
export const FRAME_BYTES_MAX = 64 * 1024
/** Numbers of one counts message: at 5 bytes each they leave a frame room for all the names it may hold. */
export const COUNT_NUMBERS_MAX = 5_000
/** Numbers of one message of levels: at 9 bytes each they leave room for all the names it may hold. */
export const LEVEL_NUMBERS_MAX = 4_000
/** Checks in one forward frame; more wait for the next frame of the same turn. */
export const FRAME_CHECKS_MAX = 512
/** Members a node keeps track of, dead ones included. */
export const MEMBERS_MAX = 1_024
/** Peers that tell all members to one that is new or behind. More tell it sooner, in more frames. */
export const GREETERS = 16
/** Members named in one frame; the rest follow in the next. */
export const FRAME_MEMBERS_MAX = 24
/** Actors named in one frame. */
export const FRAME_ACTORS_MAX = 64
/** Rules of one node, and limits in one rule. */
export const RULES_MAX = 256
export const RULE_LIMITS_MAX = 8
/** Rules named in one message; more go into the next. */
export const MESSAGE_RULES_MAX = 64
/** Bytes of names and addresses on the wire. */
export const RULE_NAME_BYTES_MAX = 64
export const RULES_VERSION_BYTES_MAX = 64
export const NODE_NAME_BYTES_MAX = 64
export const NODE_ID_BYTES_MAX = 64
export const ADDRESS_BYTES_MAX = 256
export const MEMBER_ADDRESSES_MAX = 8
/** Denials of one life. One each millisecond would last for weeks; nothing honest comes near. */
export const REFUTATION_MAX = 0xffff_ffff
/** Tokens one check may cost on the wire; a rule's burst is the tighter bound. */
export const COST_MAX = 0xffff_ffff

/** How often `tick` is called. Forward deadlines are no finer than this. */
export const TICK_MS = 10

/** Default of the gossip interval; each interval is jittered by ±10 % so that nodes do not march in step. */
export const GOSSIP_INTERVAL_MS = 500
export const GOSSIP_JITTER = 0.1
/** At most one early flush in this time. Shorter: less lost in a crash, more frames. */
export const EARLY_FLUSH_MS = 50
/** Un-gossiped share of a burst that asks for an early flush. */
export const EARLY_FLUSH_BURST_SHARE = 0.1
/** Keys told of in one tick. More wait for the next tick: a hundred thousand a second, a millisecond at a time. */
export const DELTA_KEYS_PER_TICK = 1_000
/** Ticks for which a changed member record is repeated in gossip. */
export const RUMOUR_REPEATS = 4

/** A forwarded check waits this long for its answer, within the bounds, before the next node is asked. */
export const FORWARD_TIMEOUT_MS_MIN = 20
export const FORWARD_TIMEOUT_MS_MAX = 150
/** The timeout is this many times the observed 99th percentile. */
export const FORWARD_TIMEOUT_P99S = 3
/**
 * Peers asked in vain before a check is decided where it is, so that the time it takes does not grow with
 * the cluster: at most this many timeouts.
 */
export const FORWARD_ATTEMPTS_MAX = 3
/**
 * A check that comes so much later than others of its peer is not decided: its origin gave up long ago, and
 * its tokens would be spent on nobody. Well above every forward timeout.
 */
export const FORWARD_STALE_MS = 1_000
/** For how long the quickest frame of a peer shows its clock, and then for as long again. */
export const CLOCK_WINDOW_MS = 10_000
/** Checks waiting for an answer from peers; above it a check is decided where it is. */
export const FORWARDS_PENDING_MAX = 65_536
/** A check is forwarded at most this often, then decided where it is. */
export const HOPS_MAX = 2

/** A peer is skipped after this many unanswered forwards within the window, or at once when its link is lost. */
export const BREAKER_MISSES = 3
export const BREAKER_WINDOW_MS = 1_000
/** A skipped peer is tried with one check this often. */
export const BREAKER_PROBE_MS = 250
/** A peer that has missed nothing for so long is asked like any other. */
export const BREAKER_MEMORY_MS = 2_000

/** An origin remembers a refusal until it could be allowed, but never longer than one gossip interval. */
export const REFUSALS_REMEMBERED = 16_384

/**
 * A lease is good for so long at most, and holds what its origin is asked for in that time. Longer: fewer checks are
 * forwarded, and more is lost with an owner, or to a rest that nobody uses.
 */
export const LEASE_MS = 100
/** The least worth leasing, and to be asked for in `LEASE_MS`; fewer tokens save too few forwards. */
export const LEASE_TOKENS_MIN = 5
/** Tokens of one lease. */
export const LEASE_TOKENS_MAX = 0xffff
/** Keys whose demand an origin measures, and whose leases it holds. */
export const LEASES_HELD = 4_096
/** An origin that holds less than this share of its demand asks for more ahead of time ... */
export const LEASE_RENEW_SHARE = 0.25
/** ... but not so soon after it has last asked. */
export const LEASE_ASK_MS = 10

/**
 * What a member says it holds is good for so long from the sending of what it holds. Longer: more patience with slow links
 * and stalls, and in a split a longer wait until a node goes on alone.
 */
export const STEP_GOOD_MS = 1_000
/** A node with rules that all nodes decide says what it holds this often at least. */
export const STEP_MS = 250
/** So long a node is out of step before it stops counting on the others. */
export const STEP_GRACE_MS = 250
/** A node that counted on the others in vain decides alone for so long, at most, before it tries again. */
export const STEP_PAUSE_MS_MAX = 60_000
/** Steps of which it is remembered what was in them: one each tick, for as long as anybody counts on them. */
export const STEPS_KEPT = 128

/** Ticks without a heartbeat before a member is suspected, and how long it then has to be heard. */
export const SUSPECT_MISSED_TICKS = 3
export const SUSPICION_MS = 3_000
/** Proof of death is doubted when the member was heard this long after its link was lost: somebody else hears it. */
export const REFUSAL_DOUBT_MS = 250
/** Default time after which a member that is gone is forgotten, and no longer dialled. */
export const FORGET_AFTER_MS = 600_000
/** A node that finds nobody to join goes on alone after this. */
export const JOIN_TIMEOUT_MS = 3_000
/** A joiner that is still being told its keys' counts waits this long at most. */
export const JOIN_MS_MAX = 60_000
/** Joiners that found only other joiners become active together after this. */
export const JOIN_SETTLE_MS = 750

/**
 * How long a check waits at a node that is about to decide it until others have stopped, or at one that has just
 * started until it knows of others. Two network delays are enough between idle processes; one that starts, and those
 * beside it, are busy. Whoever forwarded the check asks somebody else long before.
 */
export const HAND_OFF_MS_MAX = 500

/** Nodes that hold a key in a large cluster: two may die at once, and a third knows. More: more is sent for each key. */
export const COPIES = 3
/** One copy is the owner's own: nobody could go on from it. Above the most, tell everybody. */
export const COPIES_MIN = 2
export const COPIES_MAX = 16
/** With more members than this a key is held by `COPIES` nodes, no longer by all ... */
export const SCOPED_ABOVE = 16
/** ... and by all again from this number on down. */
export const UNSCOPED_AT = 12
/** Anti-entropy with the next replica this often. */
export const ANTI_ENTROPY_MS = 5_000
/** Slices older than this no longer change in a healthy cluster, and are compared. */
export const SEALED_MS = 2_000
/** Entries further in the future than this are refused: somebody's clock is wrong. */
export const CLOCK_AHEAD_MS_MAX = 1_000
/** Table rows a repair looks at in one tick, so that none takes a millisecond. */
export const REPAIR_ROWS_PER_TICK = 4_096
/** A member heard of but never linked may take this long before it counts as out of reach. */
export const UNREACHED_GRACE_MS = 2_000
/** Digest blocks, of a kilobyte each, in one frame. */
export const FRAME_DIGESTS_MAX = 48
/** Repairs that wait to be sent; a peer that asks for more is not served until they are done. */
export const REPAIRS_MAX = 1_024
/** A tick later than this was held up by this node itself; the time is not held against others. */
export const STALL_MS = 20
/** After a longer stall others may have decided this node's keys: it learns what they did before it decides. */
export const UNSYNCHRONISED_MS = 1_500
/** Table rows that a tick looks at to let go of what is spent: all of a million within two minutes. */
export const SWEEP_ROWS_PER_TICK = 128
/** Rumours in a frame that also carries counts; the rest wait for the next. */
export const FRAME_RUMOURS_MAX = 8
/** A member that was not heard for so many gossip intervals has missed a heartbeat. */
export const SILENT_INTERVALS = 1.5
/** A majority enforces the full limit again only after a split of this length: it may still be a death. */
export const PARTITION_HOLD_MS = 10_000
/** Parts of a member that weighs as much as all others, and the fewest of one that nobody asks. */
export const WEIGHT_EQUAL_PARTS = 1_000
export const WEIGHT_FLOOR_PARTS = 200
/** Weights that differ by fewer parts are not worth agreeing on. */
export const WEIGHT_STEP_PARTS = 100
/** A node proposes other weights this often. Sooner: they follow demand more closely, in more frames. */
export const WEIGHT_PROPOSAL_MS = 10_000
/** Gossip intervals in which about two thirds of the demand are forgotten. */
export const DEMAND_MEMORY_TICKS = 32
/** Members that may weigh differently; in a larger cluster all weigh the same. */
export const WEIGHTED_MEMBERS_MAX = 128
/** Tables of weights that a node holds at a time: the agreed one, its successor, and some proposed at once. */
export const WEIGHT_TABLES_MAX = 4
/**
 * A snapshot of slow limits is begun this often. Their buckets take 27 s and longer to refill, so at most 3/8 of a burst
 * drains between two. Shorter: less is lost when all nodes crash at once, and more is written.
 */
export const SNAPSHOT_MS = 10_000
/** Bytes of a snapshot; one of a million keys has some tens of millions. */
export const SNAPSHOT_BYTES_MAX = 2 ** 31
