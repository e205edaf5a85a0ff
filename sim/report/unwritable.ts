import { resolve } from 'node:path'

const REMEDIES: Readonly<Record<string, string>> = {
  EACCES: 'you may not write there: choose another directory, or change its permissions',
  EPERM: 'you may not write there: choose another directory, or change its permissions',
  EROFS: 'its file system is read-only: choose another directory',
  EEXIST: 'a file has that name: choose another directory, or move the file away',
  ENOTDIR: 'a part of that path is a file: choose another directory',
  EISDIR: 'a directory has the name of one of its files: choose another directory',
  ENOSPC: 'the disk is full: make room, or choose a directory on another disk',
}

/** That a report cannot be written, and what to do about it. */
export function unwritable(directory: string, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return `cannot write the report to ${resolve(directory)}: ${REMEDIES[code] ?? messageOf(error)}`
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
