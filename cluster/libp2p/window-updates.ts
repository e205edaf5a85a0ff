import type { Stream } from '@libp2p/interface'

/** What yamux keeps of a stream and does not declare; see `YamuxStream.sendWindowUpdate`. */
interface Window {
  recvWindow: number
  recvWindowCapacity: number
  sendWindowUpdate(): void
}

/**
 * Yamux tells the sender after each message that has been read how much it may send again: a message of its own, which
 * costs as much as a small frame. Of a stream of small frames every second message is one. Told when half of the
 * window is used up, the sender waits for it as little. To be called once the opening of the stream has been answered, which
 * an update may have to do.
 */
export function tellWindowSeldom(stream: Stream): void {
  const window = stream as unknown as Partial<Window>
  if (!isWindow(window)) return
  const tell = window.sendWindowUpdate.bind(stream)
  window.sendWindowUpdate = () => {
    const used = window.recvWindow - window.recvWindowCapacity
    if (used >= window.recvWindow / 2) tell()
  }
}

function isWindow(stream: Partial<Window>): stream is Window {
  return (
    typeof stream.sendWindowUpdate === 'function' &&
    typeof stream.recvWindow === 'number' &&
    typeof stream.recvWindowCapacity === 'number'
  )
}
