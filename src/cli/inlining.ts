/**
 * Bytes of bytecode that V8 inlines, as flags of V8: into one function at most, and of one function at most. The way of a
 * check through Node, Fastify and the limiter uses up V8's own 920, and what is inlined is then chance: of three nodes one
 * stayed slower than the others by a sixth. With 4,000 alone it was chance still whether the leaves of a decision were
 * left out, each then a call with boxed numbers: 285 to 450 ns for one and the same check, from process to process. With
 * 200 (V8's own: 460) its larger parts are functions of their own, whole in themselves: 318 to 328 ns. Over HTTP, five
 * times by turns, 7 % more checks of a core; of many keys in one request 22 % more.
 */
export const INLINING = [
  '--max-inlined-bytecode-size-cumulative=4000',
  '--max-inlined-bytecode-size=200',
] as const
