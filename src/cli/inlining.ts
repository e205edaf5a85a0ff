/**
 * Bytes of bytecode that V8 inlines into one function at most, as a flag of V8. The way of a check through Node, Fastify
 * and the limiter uses up V8's own 920, and what is inlined is then chance: of three nodes one stayed slower than the
 * others by a sixth. With 4,000 three were alike, and above the best of those by 4 to 7 % in checks per second of a core.
 * 6,000 gained nothing more.
 */
export const INLINING = '--max-inlined-bytecode-size-cumulative=4000'
