import type { Command } from 'commander'
import type { AdminQuestion } from './client.ts'
import { type AddCommands, addAdminOptions, outputOption } from './command-options.ts'

export const addDoctor: AddCommands = (program, terminal, end) => {
  const description = 'tell whether a node and its cluster are well, and what to do if not'
  add(program, 'doctor', description).action(async (question: AdminQuestion) => {
    const { doctor } = await import('./doctor.ts')
    await end(doctor(question, terminal))
  })
}

/** The commands that look at a cluster, and tell a node about it. */
export const addCluster: AddCommands = (program, terminal, end) => {
  const cluster = program
    .command('cluster')
    .description('look at a cluster, and tell it of members')
  add(cluster, 'status', 'show the members as one node sees them').action(
    async (question: AdminQuestion) => {
      const { clusterStatus } = await import('./cluster-status.ts')
      await end(clusterStatus(question, terminal))
    },
  )
  add(cluster, 'forget', 'tell the cluster that a member is gone for good')
    .argument('<node>', 'its name or id')
    .action(async (node: string, question: AdminQuestion) => {
      const { forget } = await import('./cluster-orders.ts')
      await end(forget(node, question, terminal))
    })
  add(cluster, 'join', 'tell a node of a further place where members may be found')
    .argument('<address>', 'as in the option seeds of a node')
    .action(async (address: string, question: AdminQuestion) => {
      const { join } = await import('./cluster-orders.ts')
      await end(join(address, question, terminal))
    })
}

function add(program: Command, name: string, description: string): Command {
  const command = program.command(name).description(description)
  return addAdminOptions(command).addOption(outputOption())
}
