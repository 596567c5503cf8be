import Fastify from "fastify";
import postgres from "postgres";

/** What is compared with: a Fastify server whose one route inserts one row. Database URL as argument; tells its port by IPC. */
const [url = ""] = process.argv.slice(2);
const sql = postgres(url, { max: 8, onnotice: () => {} });
await sql`create table if not exists public.plain (id bigint generated always as identity primary key, thread text, body text)`;
const server = Fastify();
server.post<{ Body: { thread_id: string; body: string } }>("/rows", async ({ body }) => {
  const [row] = await sql<{ id: string }[]>`
    insert into public.plain (thread, body) values (${body.thread_id}, ${body.body}) returning id`;
  return { id: row?.id };
});
const address = await server.listen({ host: "127.0.0.1", port: 0 });
process.send?.({ url: address });
process.once("disconnect", () => {
  void server.close().then(() => sql.end());
});
