// Runs a contender: positions come over Redis pub/sub, and what came of them is published to the
// channel that the request names. `node server.mjs '{"contender":"tuned","workers":2,"redis":…,
// "postgres":…,"script":…}'`; each worker has a channel of its own, and says "ready" when it
// listens.
import cluster from 'node:cluster'
import { Redis } from 'ioredis'
import { Panic } from './rules.mjs'

const settings = JSON.parse(process.argv[2])

async function serve(channel) {
  const { open } = await import(`./${settings.contender}.mjs`)
  const { answer } = await open(settings)
  const enableAutoPipelining = settings.contender === 'tuned'
  const publisher = new Redis(settings.redis, { enableAutoPipelining })
  const subscriber = new Redis(settings.redis)
  const errors = new Map()

  async function outcomesOf(positions) {
    try {
      return await answer(positions)
    } catch (error) {
      if (error instanceof Panic) throw error // nobody catches it, so the process ends
      const times = (errors.get(error.message) ?? 0) + 1
      errors.set(error.message, times)
      if (times === 1 || times % 1000 === 0) console.error(`${error.message} (${times} times)`)
      return positions.map(() => 'error')
    }
  }

  subscriber.on('message', async (_, text) => {
    const request = JSON.parse(text)
    const outcomes = await outcomesOf(request.positions ?? [request])
    publisher.publish(request.reply, JSON.stringify({ id: request.id, outcomes }))
  })
  await subscriber.subscribe(channel)
  console.log('ready')
}

if (settings.workers > 1 && cluster.isPrimary) {
  for (let i = 0; i < settings.workers; i += 1) cluster.fork({ CHANNEL: `hunt:positions:${i}` })
  cluster.on('exit', (worker, code) => console.error(`worker ${worker.process.pid} ended: ${code}`))
} else {
  await serve(process.env.CHANNEL ?? 'hunt:positions:0')
}
