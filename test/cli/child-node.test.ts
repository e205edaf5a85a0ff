import { expect, test } from 'vitest'
import { forkNode } from '../../src/cli/child-node.ts'
import { configure } from '../../src/cli/configuration.ts'

test('a worker whose process cannot be made has failed to start, and nobody else is hurt', async () => {
  const { execPath } = process
  process.execPath = '/nowhere/node'
  try {
    const { options } = configure({ flags: { rules: 'r.yaml', peerListen: 'none' }, variables: {} })
    const child = forkNode(options, {})
    await expect(child.listening).rejects.toThrow(
      'could not be started: spawn /nowhere/node ENOENT',
    )
    expect(child.isRunning).toBe(false)
  } finally {
    process.execPath = execPath
  }
})
