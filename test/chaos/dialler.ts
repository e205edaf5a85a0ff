import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Socket } from 'node:net'

/**
 * Whether the other end of a connection over 127.0.0.1 belongs to a process. Every node dials from the same address,
 * so only the system knows: /proc says which socket has the other end's port, and which process holds that socket.
 */
export function diallerOf({ remotePort, localPort }: Socket, pid: number | undefined): boolean {
  if (pid === undefined || remotePort === undefined || localPort === undefined) return false
  const inode = inodeOf(remotePort, localPort)
  return inode !== undefined && holds(pid, `socket:[${inode}]`)
}

function inodeOf(port: number, peerPort: number): string | undefined {
  const loopback = '0100007F'
  const ends = ` ${loopback}:${hex(port)} ${loopback}:${hex(peerPort)} `
  const line = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .find((row) => row.includes(ends))
  // sl local_address rem_address st tx:rx tr:tm->when retrnsmt uid timeout inode
  return line?.trim().split(/\s+/)[9]
}

function hex(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0')
}

function holds(pid: number, socket: string): boolean {
  const folder = `/proc/${pid}/fd`
  try {
    return readdirSync(folder).some((fd) => linkOf(`${folder}/${fd}`) === socket)
  } catch {
    // The process has ended.
    return false
  }
}

/** Undefined once it is closed. */
function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}
