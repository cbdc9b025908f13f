// java Recognize.java http://127.0.0.1:8888 imgs/sign.jpg [job]: needs only Java 11.

import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;

public class Recognize {
    private static final int TRIES = 4;
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    public static void main(String[] arguments) throws InterruptedException {
        if (arguments.length < 2) {
            System.err.println("usage: java Recognize.java http://127.0.0.1:8888 IMAGE [job]");
            System.exit(2);
        }
        String server = arguments[0];
        Path image = Path.of(arguments[1]);
        boolean asJob = arguments.length > 2 && arguments[2].equals("job");
        try {
            String text = asJob ? recognizeAsJob(server, image) : recognize(server, image);
            byte[] shown = text.getBytes(StandardCharsets.UTF_8); // whatever the locale
            System.out.write(shown, 0, shown.length);
            System.out.flush();
        } catch (ConnectException error) {
            System.err.println("no answer from " + server + "; is the server running?");
            System.exit(1);
        } catch (IOException | IllegalArgumentException error) {
            System.err.println(error.getMessage());
            System.exit(1);
        }
    }

    /** Send the image and wait for its text. */
    static String recognize(String server, Path image) throws IOException, InterruptedException {
        return ask(post(server + "/ocr?format=text", image)).body();
    }

    /** Start a job and fetch its result later. */
    static String recognizeAsJob(String server, Path image)
            throws IOException, InterruptedException {
        HttpResponse<String> answer = ask(post(server + "/ocr?format=text&block_flag=false", image));
        String job = server + answer.headers().firstValue("Location").orElseThrow();
        String state;
        do {
            answer = ask(HttpRequest.newBuilder(URI.create(job + "?wait=30")));
            state = answer.headers().firstValue("X-Job-State").orElseThrow();
        } while (Set.of("queued", "running").contains(state));
        if (!state.equals("done")) {
            throw new IOException("job " + state + ": " + answer.body());
        }
        return answer.body();
    }

    static HttpRequest.Builder post(String url, Path image) throws IOException {
        return HttpRequest.newBuilder(URI.create(url))
                .header("Content-Type", "application/octet-stream")
                .POST(BodyPublishers.ofFile(image));
    }

    /** Send a request; wait and retry while the server is busy. */
    static HttpResponse<String> ask(HttpRequest.Builder builder)
            throws IOException, InterruptedException {
        HttpRequest request = builder.timeout(Duration.ofMinutes(2)).build();
        for (int triesLeft = TRIES - 1; ; triesLeft--) {
            HttpResponse<String> answer = CLIENT.send(request, BodyHandlers.ofString());
            if (answer.statusCode() < 300) {
                return answer;
            }
            if (answer.statusCode() != 503 || triesLeft == 0) {
                throw new IOException(answer.statusCode() + " " + answer.body());
            }
            Thread.sleep(1000L * Integer.parseInt(answer.headers().firstValue("Retry-After").orElse("1")));
        }
    }
}
