import { FRAME_BYTES_MAX } from './limits.ts'

/** Every transport refuses, at the sender, what a receiver would drop. Throws `RangeError`. */
export function assertFrameFits(frame: Uint8Array): void {
  if (frame.byteLength > FRAME_BYTES_MAX) {
    throw new RangeError(
      `a frame of ${frame.byteLength} bytes exceeds the ${FRAME_BYTES_MAX} of FRAME_BYTES_MAX: split it`,
    )
  }
}
