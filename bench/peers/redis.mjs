// Redis has what is left of the loot and who has won it, and a Lua script there decides claims; all
// commands of a turn go in one pipeline. With PostgreSQL a grant is told once it is committed in
// the ledger there. Without it Redis has the only copy (appendonly, fsync each second): when the
// machine goes down, the last second or two of grants that were told are lost.
import { rollItem } from '../before/items.mjs'
import { Redis } from './drivers.mjs'
import { Ledger, NOTHING, SOLD_OUT } from './ledger.mjs'

const LEFT = 'left' // a hash: "x,y" -> how often the loot of the tile can still be found
const WON = 'won' // a hash: "x,y,player" -> the item
const CLAIM = `
  local won = redis.call('HGET', KEYS[2], ARGV[2])
  if won then return won end
  local left = tonumber(redis.call('HGET', KEYS[1], ARGV[1]))
  if not left or left == 0 then return false end
  redis.call('HSET', KEYS[1], ARGV[1], left - 1)
  redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
  return ARGV[3]`

export async function open({ redis: url, postgres }) {
  const ledger = postgres && new Ledger(postgres)
  const kept = new Set() // winners that the ledger is known to have
  const redis = new Redis(url, { enableAutoPipelining: true })
  redis.defineCommand('claim', { numberOfKeys: 2, lua: CLAIM })
  await redis.ping()

  async function claim({ player, x, y }) {
    const tile = `${x},${y}`
    const winner = `${tile},${player}`
    const item = await redis.claim(LEFT, WON, tile, winner, rollItem())
    if (item === null) return SOLD_OUT
    if (ledger && !kept.has(winner)) {
      await ledger.keep({ player, x, y, item })
      kept.add(winner)
    }
    return { outcome: 'granted', item }
  }

  return async (positions) => {
    const left = await redis.hmget(LEFT, ...positions.map(({ x, y }) => `${x},${y}`))
    return positions.map((one, i) => (left[i] === null ? NOTHING : claim(one)))
  }
}
