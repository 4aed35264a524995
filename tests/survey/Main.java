import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.sql.DriverManager;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import liquibase.Contexts;
import liquibase.LabelExpression;
import liquibase.Liquibase;
import liquibase.database.DatabaseFactory;
import liquibase.database.jvm.JdbcConnection;
import liquibase.resource.DirectoryResourceAccessor;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.MigrationInfo;
import org.yaml.snakeyaml.Yaml;

/** Answers what `survey.tools` asks of tools written in Java: a request per line of JSON, an answer per line. */
public class Main {
    public static void main(String[] args) throws Exception {
        PrintStream answers = System.out;
        System.setOut(new PrintStream(OutputStream.nullOutputStream())); // what the tools print is no answer
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            Map<String, Object> request = new Yaml().load(line); // of which JSON is a part
            List<String> pending = List.of();
            String error = "";
            try {
                pending = "flyway".equals(request.get("tool")) ? flyway(request) : liquibase(request);
            } catch (Exception | LinkageError fault) {
                error = fault.toString();
            }
            String names = pending.stream().map(Main::quoted).collect(Collectors.joining(", "));
            answers.printf("{\"pending\": [%s], \"error\": %s}%n", names, quoted(error));
            answers.flush();
        }
    }

    private static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char each : text.toCharArray()) {
            quoted.append(each < ' ' || each == '"' || each == '\\' || each > '~' ? String.format("\\u%04x", (int) each) : each);
        }
        return quoted.append('"').toString();
    }

    private static List<String> flyway(Map<String, Object> request) {
        Flyway flyway = Flyway.configure()
            .dataSource((String) request.get("jdbc"), (String) request.get("user"), (String) request.get("password"))
            .locations("filesystem:" + request.get("directory"))
            .outOfOrder(true)
            .load();
        if ((Boolean) request.get("apply")) {
            flyway.migrate();
        }
        List<String> pending = new ArrayList<>();
        for (MigrationInfo each : flyway.info().pending()) {
            boolean repeatable = each.getVersion() == null;
            pending.add(repeatable ? new File(each.getScript()).getName() : each.getVersion().toString());
        }
        return pending;
    }

    private static List<String> liquibase(Map<String, Object> request) throws Exception {
        JdbcConnection connection = new JdbcConnection(DriverManager.getConnection(
            (String) request.get("jdbc"), (String) request.get("user"), (String) request.get("password")));
        DirectoryResourceAccessor files = new DirectoryResourceAccessor(new File((String) request.get("directory")));
        try (Liquibase liquibase = new Liquibase(
            "db.changelog-root.yaml", files, DatabaseFactory.getInstance().findCorrectDatabaseImplementation(connection))) {
            int count = (Integer) request.get("count");
            if ((Boolean) request.get("apply") && count == 0) {
                liquibase.update(new Contexts(), new LabelExpression());
            } else if ((Boolean) request.get("apply")) {
                liquibase.update(count, new Contexts(), new LabelExpression());
            }
            return liquibase.listUnrunChangeSets(new Contexts(), new LabelExpression()).stream()
                .map(each -> each.getFilePath() + "::" + each.getId() + "::" + each.getAuthor())
                .collect(Collectors.toList());
        }
    }
}
