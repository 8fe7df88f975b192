// PostgreSQL alone: a look-up for all positions of a turn, then claims by the set where loot lies.
import { tileId } from '../before/items.mjs'
import { Ledger, NOTHING } from './ledger.mjs'

export async function open({ postgres }) {
  const ledger = new Ledger(postgres)
  await ledger.find([[]]) // it answers

  return async (positions) => {
    const loot = await ledger.seek(positions)
    return positions.map((one) => (loot.has(tileId(one.x, one.y)) ? ledger.claim(one) : NOTHING))
  }
}
