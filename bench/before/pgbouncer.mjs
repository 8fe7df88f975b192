// The second fix: PgBouncer before the database, with transaction pooling, and every transaction is
// ended. The driver of the scripts cannot prepare statements: each is a text that PostgreSQL parses
// and plans anew. A connection to PgBouncer for each position, since those are cheap.
import pg from 'pg'
import { tileId } from './items.mjs'
import { sandbox } from './rules.mjs'

export async function open(settings) {
  const decide = await sandbox(settings.script)

  async function ask(client, { player, x, y }) {
    const tile = tileId(x, y)
    const where = `world_id = 1 AND tile_id = ${tile}`
    const seen = await client.query(`SELECT remaining FROM loot_tiles WHERE ${where}`)
    const found = decide(player, x, y, seen.rows.length > 0 ? seen.rows[0].remaining : -1)
    if (found === 'nothing' || found === 'sold_out') return found
    await client.query('BEGIN')
    const { rows } = await client.query(
      `SELECT remaining FROM loot_tiles WHERE ${where} FOR UPDATE`)
    if (rows[0].remaining > 0) {
      const made = await client.query(
        `INSERT INTO grants (world_id, tile_id, player, item) VALUES (1, ${tile},
         ${pg.escapeLiteral(player)}, ${pg.escapeLiteral(found)}) ON CONFLICT DO NOTHING`)
      if (made.rowCount > 0) {
        await client.query(`UPDATE loot_tiles SET remaining = remaining - 1 WHERE ${where}`)
      }
    }
    await client.query('COMMIT')
    return rows[0].remaining > 0 ? found : 'sold_out'
  }

  async function one(position) {
    const client = new pg.Client(settings.postgres)
    client.on('error', () => {})
    await client.connect()
    try {
      return await ask(client, position)
    } finally {
      client.end()
    }
  }

  return { answer: (positions) => Promise.all(positions.map(one)) }
}
