/** Times and maxima of the libp2p adapter. What peers must agree on is in `cluster/limits.ts`. */

/** One attempt at one address, from resolving its name to an authenticated, multiplexed connection. */
export const DIAL_TIMEOUT_MS = 1_000
/** An accepted connection that is not authenticated by then is closed. */
export const INBOUND_UPGRADE_TIMEOUT_MS = 3_000
/** Negotiating the frame stream on a fresh connection. */
export const LINK_OPEN_TIMEOUT_MS = 2_000

/** First pause between attempts to reach a peer; longer pauses reconnect later, shorter ones cost dials. */
export const REDIAL_MS = 500
/** Pauses grow by this factor per failure in a row, up to the maximum: about 16 s of outage to get there. */
export const REDIAL_GROWTH = 1.3
export const REDIAL_MS_MAX = 5_000
/** Share by which each pause is lengthened or shortened, so that peers do not dial in step. */
export const REDIAL_JITTER = 0.2
/**
 * Head start of the lower peer id, so that two peers seldom dial each other at the same moment. A handshake
 * takes some 20 ms, several times that on a busy machine; both dialling costs each a second connection.
 */
export const REDIAL_YIELD_MS = 250
/** The same after a loss, which mostly is a death: whether the peer refuses should be known at once. */
export const LOSS_YIELD_MS = 25

/**
 * How often a name is looked up again while somebody found there is linked. Shorter: who comes later is found
 * sooner, and halves of a cluster that started apart find each other sooner; longer: fewer questions.
 */
export const DISCOVERY_POLL_MS = 10_000
/** Places where members are looked for, those that were added while the node runs included. */
export const SEEDS_MAX = 64
/** Addresses of one name, and services of one, that are looked at. Any one that answers tells of all members. */
export const SEED_ADDRESSES_MAX = 256

/** Bytes queued for one peer that does not read. Above it the link is broken off: the peer is as good as dead. */
export const BACKLOG_BYTES_MAX = 4 * 1024 * 1024
/** Bytes of one gossipsub RPC. Must be equal on all nodes: a larger one mutes the pair. */
export const GOSSIP_RPC_BYTES_MAX = 4 * 1024 * 1024

/** After a frame that makes no sense, nothing more is read from its peer for so long. */
export const RUBBISH_PAUSE_MS = 100
/** A peer with more such frames than this is out. Less: a defect of one version splits a cluster; more: more rubbish is read. */
export const RUBBISH_FRAMES_MAX = 10
/** One such frame is forgiven after this. */
export const RUBBISH_FORGIVEN_MS = 10_000
/** A peer that is out is neither linked nor heard for so long, and then judged anew. */
export const DISTRUST_MS = 60_000
/** Peers about whom so much is remembered. */
export const DISTRUSTED_MAX = 1_024

/** Nothing in flight is measured more seldom than this; libp2p closes connections that do not answer. */
export const PING_INTERVAL_MS = 10_000

/** When stopping: time for queued frames to leave, then time for libp2p to close. */
export const STOP_FLUSH_MS = 250
export const STOP_CLOSE_MS = 700
