import java.util.Arrays;

/**
 * Runs another program's main for as long as its own standard input is open: when the test that started it ends,
 * however it ends, the pipe closes and the server goes with it.
 */
public final class Lifeline {
    public static void main(String[] args) throws Exception {
        Thread line = new Thread(() -> {
            try {
                while (System.in.read() >= 0) {
                }
            } catch (Exception e) {
                // a broken pipe is an end too
            }
            Runtime.getRuntime().halt(137);
        }, "lifeline");
        line.setDaemon(true);
        line.start();
        Class.forName(args[0]).getMethod("main", String[].class)
                .invoke(null, (Object) Arrays.copyOfRange(args, 1, args.length));
    }
}
