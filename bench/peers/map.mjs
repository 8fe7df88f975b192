// Where loot lies is in a Map in memory; claims are decided by one SQL function. A verdict is for
// ever, since stock never grows: what the ledger said of a player on a tile is said again from
// memory. Every worker has a Map of its own.
import { tileId } from '../before/items.mjs'
import { Ledger, NOTHING } from './ledger.mjs'

export async function open({ postgres }) {
  const ledger = new Ledger(postgres)
  const loot = new Map() // tile -> (player -> the outcome)
  for (const tile of await ledger.tiles()) loot.set(tile, new Map())

  function one(position) {
    const known = loot.get(tileId(position.x, position.y))
    if (known === undefined) return NOTHING
    return known.get(position.player) ?? ledger.claim(position).then((outcome) => {
      known.set(position.player, outcome)
      return outcome
    })
  }

  return (positions) => positions.map(one)
}
