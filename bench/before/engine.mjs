// hunt-engine as it was: for each position a connection, a transaction and the designers' script.
//
// Where nothing lies it returns in the middle of the transaction, and nobody ends the connection:
// both stay until the database ends them. `bigger` is the same program on all cores.
import pg from 'pg'
import { tileId } from './items.mjs'
import { sandbox } from './rules.mjs'

const LOOT = 'SELECT remaining FROM loot_tiles WHERE world_id = 1 AND tile_id = $1 FOR UPDATE'
const GRANT = `INSERT INTO grants (world_id, tile_id, player, item) VALUES (1, $1, $2, $3)
  ON CONFLICT DO NOTHING`
const TAKE = 'UPDATE loot_tiles SET remaining = remaining - 1 WHERE world_id = 1 AND tile_id = $1'

export async function open(settings) {
  const decide = await sandbox(settings.script)

  async function connection() {
    const client = new pg.Client(settings.postgres)
    client.on('error', () => {}) // the database ends it in the end
    await client.connect()
    return client
  }

  async function one({ player, x, y }) {
    const client = await connection()
    const tile = tileId(x, y)
    await client.query('BEGIN')
    const { rows } = await client.query(LOOT, [tile])
    const found = decide(player, x, y, rows.length > 0 ? rows[0].remaining : -1)
    if (found === 'nothing') return found
    if (found !== 'sold_out') {
      const made = await client.query(GRANT, [tile, player, found])
      if (made.rowCount > 0) await client.query(TAKE, [tile])
    }
    await client.query('COMMIT')
    return found
  }

  return { answer: (positions) => Promise.all(positions.map(one)) }
}
