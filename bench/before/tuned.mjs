// The same design at its best: Redis knows where loot lies, all look-ups of a turn of the event
// loop go in one pipeline, and claims by the hundred in one named statement on a few connections
// that stay open. Rules are code.
import pg from 'pg'
import { Redis } from 'ioredis'
import { rollItem, tileId } from './items.mjs'

const LOOT = 'loot:1' // a hash: "x,y" -> 1 where something is left
const CONNECTIONS = 4
const CLAIMS_MAX = 256
const CLAIM = {
  name: 'claim', text: 'SELECT claim($1::bigint[], $2::uuid[], $3::text[])',
  rowMode: 'array'
}

export async function open(settings) {
  const redis = new Redis(settings.redis, { enableAutoPipelining: true })
  const pool = new pg.Pool({ connectionString: settings.postgres, max: CONNECTIONS })
  let waiting = []
  let calls = 0

  // As many claims as there are, up to the most, for each call that is free.
  async function flush() {
    while (calls < CONNECTIONS && waiting.length > 0) {
      const claims = waiting.splice(0, CLAIMS_MAX)
      calls += 1
      decide(claims).catch((error) => claims.forEach((claim) => claim.reject(error)))
        .finally(() => { calls -= 1; flush() })
    }
  }

  async function decide(claims) {
    const { rows: [[items]] } = await pool.query({
      ...CLAIM,
      values: [claims.map((c) => tileId(c.x, c.y)), claims.map((c) => c.player),
        claims.map(rollItem)]
    })
    claims.forEach((claim, i) => {
      if (items[i] === null) redis.hdel(LOOT, `${claim.x},${claim.y}`)
      claim.resolve(items[i] ?? 'sold_out')
    })
  }

  function claim({ player, x, y }) {
    return new Promise((resolve, reject) => {
      if (waiting.push({ player, x, y, resolve, reject }) === 1) setImmediate(flush)
    })
  }

  async function answer(positions) {
    const left = await redis.hmget(LOOT, ...positions.map(({ x, y }) => `${x},${y}`))
    const outcomes = left.map((one, i) => (one === null ? 'nothing' : claim(positions[i])))
    return left.some((one) => one !== null) ? Promise.all(outcomes) : outcomes
  }

  return { answer }
}
