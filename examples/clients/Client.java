// A game server in miniature: players dig, and each reward is credited exactly once.
//
// java Client.java http://127.0.0.1:8080 inventory.jsonl 10    (server, inventory, seconds)
//
// Plain Java 17. Batches and grants share one WebSocket. The inventory stands for your database: a
// line for each credit, keyed by its claim, with the place in the ledger after it. Kill this at any
// moment and start it again: nothing is lost and nothing is doubled.
import java.io.*;
import java.net.URI;
import java.net.http.*;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.regex.*;

public class Client implements WebSocket.Listener {
  // The JDK reads no JSON: take your library's reader here. The order of the fields is kept.
  static final Pattern GRANT = Pattern.compile("^\\{\"grant\":.*\"claim\":\"(\\w+)\".*"
      + "\"items\":(\\[[^\\]]*\\]).*\"player\":\"([^\"]*)\".*\"next\":\"([\\d.]+)\"");
  static final Pattern CREDIT = Pattern.compile("\"claim\":\"(\\w+)\".*\"next\":\"([\\d.]+)\"");

  final Set<String> credited = new HashSet<>();
  final FileChannel file;
  final StringBuilder message = new StringBuilder();
  final CountDownLatch closed = new CountDownLatch(1);
  String after = "0";

  Client(Path inventory) throws IOException {
    file = FileChannel.open(inventory, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    String text = Files.readString(inventory);
    int whole = text.lastIndexOf('\n') + 1;
    for (Matcher line = CREDIT.matcher(text.substring(0, whole)); line.find();) {
      credited.add(line.group(1));
      after = line.group(2);
    }
    file.truncate(whole).position(whole);  // a line that a crash cut short never counted
  }

  @Override public CompletionStage<?> onText(WebSocket socket, CharSequence part, boolean last) {
    message.append(part);
    if (last) {
      Matcher grant = GRANT.matcher(message);
      boolean whole = grant.find();
      if (!whole && message.indexOf("{\"grant\":") == 0) {  // never credit a part, never skip one
        System.err.println("a grant that this program cannot read: " + message);
        System.exit(1);
      }
      if (whole) credit(grant.group(1), grant.group(2), grant.group(3), grant.group(4));
      message.setLength(0);
    }
    socket.request(1);
    return null;
  }
  @Override public CompletionStage<?> onClose(WebSocket socket, int code, String why) {
    closed.countDown();
    return null;
  }
  @Override public void onError(WebSocket socket, Throwable error) {
    closed.countDown();
  }

  void credit(String claim, String items, String player, String next) {
    if (!credited.add(claim)) return;  // told again: that is normal
    String line = String.format(
        "{\"claim\":\"%s\",\"player\":\"%s\",\"items\":%s,\"next\":\"%s\"}\n",
        claim, player, items, next);
    try {
      file.write(ByteBuffer.wrap(line.getBytes()));
      file.force(false);
      after = next;
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  static String digs(List<String> players, Random random) {
    StringJoiner all = new StringJoiner(",");
    for (int i = 0; i < 20; i++) {
      all.add(String.format("{\"player\":\"%s\",\"x\":%d,\"y\":%d,\"kind\":\"dig\"}",
          players.get(random.nextInt(20)), random.nextInt(40), random.nextInt(40)));
    }
    return "{\"world\":1,\"positions\":[" + all + "]}";
  }

  public static void main(String[] words) throws Exception {
    if (words.length != 3) {
      System.err.println("usage: Client.java URL INVENTORY SECONDS");
      System.exit(2);
    }
    String stream = words[0].replaceFirst("^http", "ws").replaceFirst("/$", "") + "/v1/stream";
    long end = System.nanoTime() + (long) (Double.parseDouble(words[2]) * 1e9);
    Random random = new Random();
    List<String> players = new ArrayList<>();
    for (int i = 0; i < 20; i++) players.add(UUID.randomUUID().toString());
    int credited = 0;
    while (System.nanoTime() < end) {
      Client client = new Client(Path.of(words[1]));  // one for each connection
      try {
        WebSocket socket = HttpClient.newHttpClient().newWebSocketBuilder()
            .buildAsync(URI.create(stream + "?after=" + client.after), client)
            .get(5, TimeUnit.SECONDS);
        while (System.nanoTime() < end && !client.closed.await(50, TimeUnit.MILLISECONDS)) {
          socket.sendText(digs(players, random), true).get(5, TimeUnit.SECONDS);
        }
        socket.abort();
      } catch (ExecutionException | TimeoutException error) {
        if (error.getCause() instanceof WebSocketHandshakeException refused
            && refused.getResponse().statusCode() == 409) {
          System.err.println("the place is of another ledger (wrong_ledger): no retry helps");
          System.exit(1);
        }
        System.err.println("no answer, trying again: " + error.getMessage());
        Thread.sleep(500);
      } finally {
        client.file.close();  // what still comes on this connection credits nothing any more
      }
      credited = client.credited.size();
    }
    System.out.println(credited + " grants credited");
    System.exit(0);
  }
}
