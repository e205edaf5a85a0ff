/** What a door accepts, with units. What is beyond is answered with a clear error, and nothing is counted. */

/** Bytes of a request's body: a single check needs a few hundred. */
export const BODY_BYTES_MAX = 16 * 1024
/** Bytes of a batch's body. Less: big batches of long keys do not fit; more: longer turns of the event loop. */
export const BATCH_BODY_BYTES_MAX = 256 * 1024
/** Checks in one batch. All are decided in one turn, so this also bounds how long others wait. */
export const BATCH_CHECKS_MAX = 1_000

/** A request's head must be complete after this time, or the connection is closed with 408. */
export const HEADERS_TIMEOUT_MS = 5_000
/** A TLS handshake must be complete after this time; before it, no request is waited for. */
export const HANDSHAKE_TIMEOUT_MS = 5_000
/** A whole request must be complete after this time. */
export const REQUEST_TIMEOUT_MS = 10_000
/** How often the two timeouts are enforced: a timeout is late by at most this much. */
export const TIMEOUT_CHECK_MS = 1_000
/** Bytes of a request's line and headers, above which the answer is 431. */
export const HEADER_BYTES_MAX = 16 * 1024
/** Connections of one door; more are refused by the listener, before any parsing. */
export const CONNECTIONS_MAX = 10_000
/**
 * An idle connection is kept this long. Longer than the idle time of the usual proxies (60 s), so that it is
 * they who close first and never send a request into a closing connection.
 */
export const KEEP_ALIVE_MS = 72_000

/** A full door lets its idle connections go, at most this often. */
export const CROWDED_PAUSE_MS = 1_000

/**
 * A turn of the event loop that comes so late is behind: the requests in it wait that long. Less: sheds what could
 * still be answered in time; more: clients give up before they are answered, and the work is for nobody.
 */
export const OVERLOAD_LAG_MS = 100
/** Turns must be behind for so long before requests are shed. Less: a stall sheds what it has held up. */
export const OVERLOAD_PATIENCE_MS = 500
/** Who was overloaded no longer ago than this sheds at the first turn that is behind. */
export const OVERLOAD_MEMORY_MS = 2_000
/** Seconds after which a client that was shed may ask again. */
export const OVERLOADED_RETRY_AFTER_S = 1

/** How often the files of certificates and tokens are looked at. */
export const CREDENTIALS_LOOK_MS = 1_000
/** Whoever sends the admin door a wrong token waits so long for the answer. */
export const WRONG_TOKEN_DELAY_MS = 500
/** Wrong tokens that wait for their answer; requests with more of them are cut off. */
export const WRONG_TOKENS_WAITING_MAX = 64

/** Closing a door waits this long for requests in flight, then cuts all connections. */
export const CLOSE_DEADLINE_MS = 5_000
/** Seconds after which a client turned away by a closing node may ask again: another node has its place then. */
export const DRAINING_RETRY_AFTER_S = 1

/** Faults listed in one answer; the rest are only numbered. */
export const FAULTS_LISTED_MAX = 32
/** Characters of a property name repeated to the caller. */
export const FAULT_NAME_LENGTH_MAX = 64
/** Mode of a Unix socket: owner and group may connect. */
export const SOCKET_MODE = 0o660
