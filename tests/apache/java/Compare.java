import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;

/**
 * The official client's part in examples/compare: {@code Compare send|consume key=value...}. It measures itself after
 * a warm-up and prints one line, {@code result rate user system p50 p99 peak}.
 */
public final class Compare {
    /** The compiler is done with the hot paths after so many messages. */
    private static final int WARM_UP = 100_000;
    private static Map<String, String> options;
    private static long begun;
    private static long[] cpu;
    private static final AtomicInteger ended = new AtomicInteger();

    public static void main(String[] args) throws Exception {
        options = new HashMap<>();
        for (int i = 1; i < args.length; i++) {
            int at = args[i].indexOf('=');
            options.put(args[i].substring(0, at), args[i].substring(at + 1));
        }
        System.setProperty("rocketmq.client.logRoot", System.getProperty("user.home"));
        if (args[0].equals("send")) {
            send();
        } else {
            consume();
        }
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }

    private static void send() throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer("compare-java");
        producer.setNamesrvAddr(options.get("name_server"));
        producer.setSendMsgTimeout(15_000);
        producer.setCompressMsgBodyOverHowmuch(Integer.MAX_VALUE);
        producer.start();
        int depth = number("depth");
        int count = number("count");
        // One at a time takes much longer, and has little to compile.
        int warmUp = depth == 1 ? 20_000 : WARM_UP;
        byte[] body = new byte[number("size")];
        Arrays.fill(body, (byte) 'x');
        long[] times = new long[count];
        Semaphore free = new Semaphore(depth);
        CountDownLatch done = new CountDownLatch(1);
        for (int i = 0; i < warmUp + count; i++) {
            free.acquire();
            long began = System.nanoTime();
            producer.send(new Message(options.get("topic"), body), new SendCallback() {
                @Override
                public void onSuccess(SendResult result) {
                    int at = ended.getAndIncrement();
                    if (at >= warmUp) {
                        times[at - warmUp] = System.nanoTime() - began;
                    }
                    if (at == warmUp) {
                        begin();
                    }
                    free.release();
                    if (at == warmUp + count - 1) {
                        done.countDown();
                    }
                }

                @Override
                public void onException(Throwable error) {
                    error.printStackTrace();
                    Runtime.getRuntime().halt(1);
                }
            });
        }
        done.await();
        end(count, times);
    }

    private static void consume() throws Exception {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(options.get("group"));
        consumer.setNamesrvAddr(options.get("name_server"));
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setPullBatchSize(number("pull"));
        consumer.setConsumeMessageBatchMaxSize(number("batch"));
        consumer.subscribe(options.get("topic"), "*");
        int warmUp = number("warm_up");
        int total = warmUp + number("count");
        CountDownLatch done = new CountDownLatch(1);
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            int before = ended.getAndAdd(messages.size());
            int after = before + messages.size();
            if (before < warmUp && after >= warmUp) {
                begin();
            }
            if (before < total && after >= total) {
                done.countDown();
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        done.await();
        end(number("count"), new long[0]);
    }

    private static synchronized void begin() {
        begun = System.nanoTime();
        cpu = cpu();
    }

    private static synchronized void end(int count, long[] times) throws Exception {
        double seconds = (System.nanoTime() - begun) / 1e9;
        long[] now = cpu();
        double each = (now[0] - cpu[0]) / 1e3 / count;
        double ticks = Math.max(1, now[1] - cpu[1] + now[2] - cpu[2]);
        double user = (now[1] - cpu[1]) / ticks;
        Arrays.sort(times);
        double p50 = times.length == 0 ? 0 : times[times.length / 2] / 1e3;
        double p99 = times.length == 0 ? 0 : times[times.length * 99 / 100] / 1e3;
        double peak = 0;
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmHWM:")) {
                peak = Long.parseLong(line.replaceAll("[^0-9]", "")) / 1024.0;
            }
        }
        System.out.printf(Locale.ROOT, "result %.1f %.4f %.4f %.1f %.1f %.2f%n", count / seconds, each * user,
                each * (1 - user), p50, p99, peak);
    }

    /** Processor time: nanoseconds in all; clock ticks of user and of system. */
    private static long[] cpu() {
        OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        try {
            String stat = Files.readString(Path.of("/proc/self/stat"));
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
            return new long[] {system.getProcessCpuTime(), Long.parseLong(fields[11]), Long.parseLong(fields[12])};
        } catch (java.io.IOException error) {
            throw new IllegalStateException(error);
        }
    }

    private static int number(String key) {
        return Integer.parseInt(options.get(key));
    }
}
