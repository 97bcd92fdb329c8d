import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.zip.CRC32;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * The official client beside ours: {@code Driver COMMAND key=value...}. Every line on standard output that starts
 * with a brace is one JSON object; what the client itself prints goes to standard error.
 */
public final class Driver {
    private static final PrintStream OUT = System.out;
    private static final long TIMEOUT = 15_000;
    private static Map<String, String> options;

    public static void main(String[] args) throws Exception {
        System.setOut(System.err);
        options = new HashMap<>();
        for (int i = 1; i < args.length; i++) {
            int at = args[i].indexOf('=');
            options.put(args[i].substring(0, at), args[i].substring(at + 1));
        }
        System.setProperty("rocketmq.client.logRoot", System.getProperty("user.home"));
        if (options.containsKey("compress")) {
            System.setProperty("rocketmq.message.compressType", options.get("compress"));
        }
        switch (args[0]) {
            case "produce":
                produce();
                break;
            case "consume":
                consume();
                break;
            default:
                throw new IllegalArgumentException(args[0]);
        }
        OUT.flush();
        Runtime.getRuntime().halt(0);
    }

    /**
     * count messages: topic, group, size (bytes), tags (a list taken in turn), keys (a prefix), property.NAME,
     * queue (an id), batch (messages a request), compress (ZLIB, LZ4 or ZSTD; bodies over 1 byte then).
     * The body of message i is "i:" and then letters that repeat.
     */
    private static void produce() throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer(text("group", "java-producer"));
        producer.setNamesrvAddr(options.get("ns"));
        producer.setInstanceName("java-" + System.nanoTime());
        producer.setSendMsgTimeout((int) TIMEOUT);
        producer.setMqClientApiTimeout((int) TIMEOUT);
        producer.setCompressMsgBodyOverHowmuch(options.containsKey("compress") ? 1 : Integer.MAX_VALUE);
        producer.start();
        int count = number("count", 1);
        int batch = number("batch", 1);
        String topic = options.get("topic");
        MessageQueue queue = null;
        if (options.containsKey("queue")) {
            for (MessageQueue found : producer.fetchPublishMessageQueues(topic)) {
                if (found.getQueueId() == number("queue", 0)) {
                    queue = found;
                }
            }
        }
        List<Message> waiting = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Message message = message(topic, i);
            if (batch > 1) {
                waiting.add(message);
                if (waiting.size() == batch || i == count - 1) {
                    SendResult result = queue == null ? producer.send(waiting) : producer.send(waiting, queue);
                    sent(result, waiting.get(0), i + 1 - waiting.size(), waiting.size());
                    waiting = new ArrayList<>();
                }
            } else {
                SendResult result = queue == null ? producer.send(message) : producer.send(message, queue);
                sent(result, message, i, 1);
            }
        }
        producer.shutdown();
    }

    private static Message message(String topic, int index) {
        StringBuilder body = new StringBuilder().append(index).append(':');
        for (int size = number("size", 100); body.length() < size; ) {
            body.append((char) ('a' + body.length() % 26));
        }
        Message message = new Message(topic, body.toString().getBytes());
        if (options.containsKey("tags")) {
            String[] tags = options.get("tags").split(",");
            message.setTags(tags[index % tags.length]);
        }
        if (options.containsKey("keys")) {
            message.setKeys(options.get("keys") + index);
        }
        for (Map.Entry<String, String> option : options.entrySet()) {
            if (option.getKey().startsWith("property.")) {
                message.putUserProperty(option.getKey().substring("property.".length()), option.getValue());
            }
        }
        return message;
    }

    private static void sent(SendResult result, Message message, int index, int count) {
        OUT.println(new Json().put("index", index).put("count", count).put("status", result.getSendStatus().name())
                .put("msg_id", result.getMsgId()).put("offset_msg_id", result.getOffsetMsgId())
                .put("broker", result.getMessageQueue().getBrokerName())
                .put("queue", result.getMessageQueue().getQueueId()).put("offset", result.getQueueOffset())
                .put("crc", crc(message.getBody())));
    }

    /**
     * Consumes topic as a member of group until standard input says "stop" (leaves the group in order) or ends.
     * tags (an expression), from (first, last). "queues" on standard input prints the queues this member holds.
     */
    private static void consume() throws Exception {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(options.get("group"));
        consumer.setNamesrvAddr(options.get("ns"));
        consumer.setInstanceName("java-" + System.nanoTime());
        consumer.setConsumeFromWhere("last".equals(options.get("from"))
                ? ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET : ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setMqClientApiTimeout((int) TIMEOUT);
        consumer.setConsumeThreadMin(4);
        consumer.setConsumeThreadMax(4);
        consumer.setPersistConsumerOffsetInterval(1000);
        consumer.subscribe(options.get("topic"), text("tags", "*"));
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            for (MessageExt message : messages) {
                received(message, context.getMessageQueue());
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        OUT.println(new Json().put("client_id", consumer.getDefaultMQPushConsumerImpl().getmQClientFactory().getClientId()));
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            if (line.equals("stop")) {
                consumer.shutdown();
                OUT.println(new Json().put("stopped", 1));
                return;
            }
            if (line.equals("queues")) {
                Set<MessageQueue> held = consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl()
                        .getProcessQueueTable().keySet();
                StringBuilder list = new StringBuilder();
                for (MessageQueue queue : new TreeSet<>(held)) {
                    if (queue.getTopic().equals(options.get("topic"))) {
                        list.append(list.length() == 0 ? "" : ",").append(queue.getBrokerName()).append(':')
                                .append(queue.getQueueId());
                    }
                }
                OUT.println(new Json().put("queues", list.toString()));
            }
        }
        Runtime.getRuntime().halt(137);
    }

    private static void received(MessageExt message, MessageQueue queue) {
        Json properties = new Json();
        for (Map.Entry<String, String> property : new TreeMap<>(message.getProperties()).entrySet()) {
            properties.put(property.getKey(), property.getValue());
        }
        synchronized (OUT) {
            OUT.println(new Json().put("msg_id", message.getMsgId()).put("topic", message.getTopic())
                    .put("broker", queue.getBrokerName()).put("queue", message.getQueueId())
                    .put("offset", message.getQueueOffset()).put("reconsume", message.getReconsumeTimes())
                    .put("sys_flag", message.getSysFlag()).put("size", message.getBody().length)
                    .put("crc", crc(message.getBody())).put("tags", message.getTags()).put("keys", message.getKeys())
                    .put("unique", message.getProperty(MessageConst.PROPERTY_UNIQ_CLIENT_MESSAGE_ID_KEYIDX))
                    .raw("properties", properties.toString()));
        }
    }

    private static long crc(byte[] body) {
        CRC32 crc = new CRC32();
        crc.update(body);
        return crc.getValue();
    }

    private static String text(String key, String otherwise) {
        return options.getOrDefault(key, otherwise);
    }

    private static int number(String key, int otherwise) {
        return Integer.parseInt(text(key, String.valueOf(otherwise)));
    }

    /** A flat JSON object. */
    private static final class Json {
        private final StringBuilder out = new StringBuilder("{");

        Json raw(String key, String value) {
            out.append(out.length() == 1 ? "" : ",").append(quote(key)).append(':').append(value);
            return this;
        }

        Json put(String key, long value) {
            return raw(key, String.valueOf(value));
        }

        Json put(String key, String value) {
            return raw(key, value == null ? "null" : quote(value));
        }

        private static String quote(String value) {
            StringBuilder text = new StringBuilder("\"");
            for (char c : value.toCharArray()) {
                if (c == '"' || c == '\\') {
                    text.append('\\').append(c);
                } else if (c < ' ') {
                    text.append(String.format("\\u%04x", (int) c));
                } else {
                    text.append(c);
                }
            }
            return text.append('"').toString();
        }

        @Override
        public String toString() {
            return out + "}";
        }
    }
}
