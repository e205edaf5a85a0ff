import type { Command } from 'commander'
import { type AddCommands, adminOption, outputOption } from './command-options.ts'
import type { OutputFormat } from './output.ts'

interface Asked {
  readonly admin: string
  readonly output: OutputFormat
}

export const addDoctor: AddCommands = (program, terminal, end) => {
  const description = 'tell whether a node and its cluster are well, and what to do if not'
  add(program, 'doctor', description).action(async ({ admin, output }: Asked) => {
    const { doctor } = await import('./doctor.ts')
    await end(doctor({ admin, output }, terminal))
  })
}

/** The commands that look at a cluster, and tell a node about it. */
export const addCluster: AddCommands = (program, terminal, end) => {
  const cluster = program
    .command('cluster')
    .description('look at a cluster, and tell it of members')
  add(cluster, 'status', 'show the members as one node sees them').action(
    async ({ admin, output }: Asked) => {
      const { clusterStatus } = await import('./cluster-status.ts')
      await end(clusterStatus({ admin, output }, terminal))
    },
  )
  add(cluster, 'forget', 'tell the cluster that a member is gone for good')
    .argument('<node>', 'its name or id')
    .action(async (node: string, { admin, output }: Asked) => {
      const { forget } = await import('./cluster-orders.ts')
      await end(forget(node, { admin, output }, terminal))
    })
  add(cluster, 'join', 'tell a node of a further place where members may be found')
    .argument('<address>', 'as in the option seeds of a node')
    .action(async (address: string, { admin, output }: Asked) => {
      const { join } = await import('./cluster-orders.ts')
      await end(join(address, { admin, output }, terminal))
    })
}

function add(program: Command, name: string, description: string): Command {
  const command = program.command(name).description(description)
  return command.addOption(adminOption()).addOption(outputOption())
}
