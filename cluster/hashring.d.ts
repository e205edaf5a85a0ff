/** The part of `hashring` 3.2.0 that placement uses; the package ships no types. */
declare module 'hashring' {
  export default class HashRing {
    constructor(servers: Record<string, { vnodes: number }>)
    /** The points of every server on the ring: unsigned 32-bit positions. */
    points(): Record<string, number[]>
  }
}
