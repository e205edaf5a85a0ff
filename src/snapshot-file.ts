import { access, constants, type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { SNAPSHOT_HEADER_BYTES, SNAPSHOT_MISTAKES } from '../cluster/snapshot.ts'

/** Why a snapshot found at the start is not used; a closed set, and a metric label. */
export const SNAPSHOT_REFUSALS = [...SNAPSHOT_MISTAKES, 'unreadable'] as const
export type SnapshotRefusal = (typeof SNAPSHOT_REFUSALS)[number]

/** Bytes read at once. */
const PIECE_BYTES = 256 * 1024
/** It tells who used what, if only by hashes. */
const FILE_MODE = 0o600

/**
 * A file that is replaced whole. What is written goes beside it and takes its name only when all of it is on the
 * disk: whoever reads it after a crash, of the process or of the machine, finds the old one or the new one.
 */
export class SnapshotFile {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** Where one goes that could not be used: the last of them is kept, for whoever wants to look. */
  get rejectedPath(): string {
    return `${this.path}.rejected`
  }

  /** Of an attempt that has not ended, or never did. Nobody reads it. */
  get temporaryPath(): string {
    return `${this.path}.tmp`
  }

  get #folder(): string {
    return dirname(this.path)
  }

  /** @throws Error if nothing could ever be written. */
  async assertUsable(): Promise<void> {
    try {
      await access(this.#folder, constants.R_OK | constants.W_OK | constants.X_OK)
    } catch (error) {
      const what = `no snapshots can be kept in ${this.#folder}: create the folder, and let this user write there`
      throw new Error(what, { cause: error })
    }
  }

  /** Hands the file over in pieces, each good until the next; false if there is none. */
  async read(take: (piece: Uint8Array) => void): Promise<boolean> {
    const handle = await openIfThere(this.path)
    if (handle === undefined) return false
    try {
      const piece = Buffer.allocUnsafe(PIECE_BYTES)
      for (;;) {
        const { bytesRead } = await handle.read(piece, 0, piece.length, null)
        if (bytesRead === 0) return true
        take(piece.subarray(0, bytesRead))
      }
    } finally {
      await handle.close()
    }
  }

  /** Writes a new one: the body as it comes, and then the header, which is known only at the end. */
  async replace(body: AsyncIterable<Uint8Array>, header: () => Uint8Array): Promise<void> {
    try {
      const handle = await open(this.temporaryPath, 'w', FILE_MODE)
      try {
        await handle.appendFile(Buffer.alloc(SNAPSHOT_HEADER_BYTES))
        for await (const piece of body) await handle.appendFile(piece)
        await writeAt(handle, 0, header())
        await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(this.temporaryPath, this.path)
      await syncFolder(this.#folder)
    } catch (error) {
      // It may be the disk that is full: nothing useless stays on it.
      await rm(this.temporaryPath, { force: true }).catch(() => undefined)
      throw error
    }
  }

  async reject(): Promise<void> {
    await rename(this.path, this.rejectedPath)
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

async function writeAt(handle: FileHandle, at: number, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await handle.write(
      bytes,
      written,
      bytes.length - written,
      at + written,
    )
    written += bytesWritten
  }
}

/** Until then the new name is nowhere but in memory. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
