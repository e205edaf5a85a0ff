import { Pool } from 'undici'

const UNIX = 'unix:'

/** Connections to a door of a node, as `weir serve` announces it: `http://host:port` or `unix:/path`. */
export function poolTo(door: string, options: Pool.Options = {}): Pool {
  if (!door.startsWith(UNIX)) return new Pool(door, options)
  return new Pool('http://localhost', { ...options, socketPath: door.slice(UNIX.length) })
}

/** What a door shows at a path, as JSON. */
export async function show(door: string, path: string): Promise<unknown> {
  const pool = poolTo(door, { connections: 1 })
  try {
    const { body, statusCode } = await pool.request({ method: 'GET', path, headersTimeout: 2_000 })
    const text = await body.text()
    if (statusCode !== 200) throw new Error(`${door}${path} answered ${statusCode}: ${text}`)
    return JSON.parse(text)
  } finally {
    await pool.destroy()
  }
}
