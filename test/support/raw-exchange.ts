import { once } from 'node:events'
import { connect } from 'node:net'

/** Sends bytes to the host and port of `url`, and returns all that comes back until the connection closes. */
export async function rawExchange(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname).setEncoding('utf8')
  let received = ''
  socket.on('data', (chunk) => {
    received += chunk
  })
  socket.write(text)
  await once(socket, 'close')
  return received
}
