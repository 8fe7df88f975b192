// What each importer makes of small files, and what it says of what it cannot carry over.
//
// Whether the odds are right is seen from outside (tests/e2e/import_test.py).
#include "importers/importers.h"

#include <gtest/gtest.h>

#include "importers/tags.h"

namespace hunt::importers {
namespace {

Imported good(ImportResult result) {
  EXPECT_TRUE(result.has_value()) << (result ? ""
                                             : result.error().front().place.path + ": " +
                                                   result.error().front().text);
  return result ? *std::move(result) : Imported{};
}

std::string first_problem(const ImportResult& result) {
  if (result) return "none";
  const Problem& problem = result.error().front();
  return problem.place.path + ": " + problem.text;
}

ImportResult minecraft(std::string text, Options options = {}) {
  const Source source{"data/minecraft/loot_table/chests/box.json", std::move(text)};
  return import_minecraft({&source, 1}, options);
}
ImportResult hytale(std::string text, Options options = {}) {
  const Source source{"Server/Drops/NPCs/Drop_Bat.json", std::move(text)};
  return import_hytale({&source, 1}, options);
}
ImportResult hiro(std::string text) {
  const Source source{"rewards.json", std::move(text)};
  return import_hiro({&source, 1}, {});
}
ImportResult playfab(std::string text) {
  const Source source{"DropTables.json", std::move(text)};
  return import_playfab({&source, 1}, {});
}

TEST(Minecraft, pools_rolls_counts_and_nested_tables) {
  const Source files[] = {
      {"a/data/minecraft/loot_table/chests/box.json", R"({"pools":[
        {"rolls":{"type":"minecraft:uniform","min":5,"max":8},"bonus_rolls":0,"entries":[
          {"type":"minecraft:item","name":"minecraft:iron_ingot","weight":20,"functions":[
            {"function":"minecraft:set_count","count":{"min":1,"max":4}}]},
          {"type":"minecraft:empty","weight":5},
          {"type":"minecraft:loot_table","value":"minecraft:gameplay/junk","weight":2}]},
        {"rolls":1,"conditions":[{"condition":"random_chance","chance":0.25}],"entries":[
          {"type":"item","name":"minecraft:bell"}]}]})"},
      {"a/data/minecraft/loot_table/gameplay/junk.json",
       R"({"pools":[{"rolls":1,"entries":[{"type":"item","name":"minecraft:stick"}]}]})"}};
  EXPECT_EQ(good(import_minecraft(files, {})).yaml,
            R"(event: "imported"
tables:
  "chests.box":
    may_be_empty: true
    pools:
      - rolls: 5..8
        draw:
          - {item: "minecraft:iron_ingot", weight: 20, count: 1..4}
          - {nothing: true, weight: 5}
          - {table: "gameplay.junk", weight: 2}
      - chance: 1/4
        draw:
          - {item: "minecraft:bell", weight: 1}
  "gameplay.junk":
    pools:
      - draw:
          - {item: "minecraft:stick", weight: 1}
)");
}

TEST(Minecraft, what_is_no_loot_table_is_refused) {
  // What PlayFab's server answers; --from named the wrong game.
  const std::string refused = first_problem(minecraft(R"({"code":200,"status":"OK","data":{}})"));
  EXPECT_NE(refused.find("neither \"pools\" nor \"type\", but \"code\""), std::string::npos)
      << refused;
  EXPECT_TRUE(minecraft(R"({"type":"minecraft:block"})").has_value());
}

TEST(Minecraft, a_condition_that_nobody_knows_is_told_or_assumed) {
  const std::string text = R"({"pools":[{"rolls":1,"conditions":[
      {"condition":"minecraft:killed_by_player"}],"entries":[{"type":"item","name":"a"}]},
      {"rolls":1,"entries":[{"type":"item","name":"b"}]}]})";
  const Imported unknown = good(minecraft(text));
  ASSERT_EQ(unknown.remarks.size(), 1U);
  EXPECT_TRUE(unknown.remarks[0].changes_odds);
  EXPECT_EQ(unknown.remarks[0].place.path, "pools[0].conditions[0]");
  EXPECT_NE(unknown.remarks[0].text.find("--assume killed_by_player=true"), std::string::npos);
  Options options;
  options.assume["killed_by_player"] = "false";
  const Imported without = good(minecraft(text, options));
  EXPECT_TRUE(without.remarks.empty());
  EXPECT_EQ(without.yaml.find("\"a\""), std::string::npos);
  options.assume["killed_by_player"] = "true";
  EXPECT_NE(good(minecraft(text, options)).yaml.find("\"a\""), std::string::npos);
}

TEST(Minecraft, says_what_cannot_be_had) {
  const auto pool = [](const std::string& inside) {
    return minecraft(R"({"pools":[{"rolls":1,"entries":[)" + inside + "]}]}");
  };
  EXPECT_EQ(first_problem(minecraft("{")), ": line 1 is no JSON: incomplete JSON");
  EXPECT_EQ(first_problem(minecraft("[]")), ": expected an object with \"pools\"");
  EXPECT_EQ(first_problem(minecraft(R"({"pools":[{"rolls":1.5,"entries":[
              {"type":"item","name":"a"}]}]})")),
            "pools[0].rolls: 1.5E0 is no number of rolls that can be had: expected whole numbers "
            "from 0 to 64");
  EXPECT_NE(first_problem(pool(R"({"type":"dynamic","name":"contents"})")).find("\"dynamic\""),
            std::string::npos);
  EXPECT_NE(first_problem(pool(R"({"type":"tag","name":"minecraft:fishes","expand":true})"))
                .find("give its file with --tags"),
            std::string::npos);
  EXPECT_NE(first_problem(pool(R"({"type":"loot_table","value":"minecraft:other"})"))
                .find("draws from \"other\", which is in none of the files"),
            std::string::npos);
  EXPECT_NE(first_problem(pool(R"({"type":"item","name":"a b"})")).find("cannot be an item"),
            std::string::npos);
  std::string deep = R"({"type":"item","name":"a"})";
  for (int i = 0; i < 40; ++i) deep = R"({"type":"group","children":[)" + deep + "]}";
  EXPECT_NE(first_problem(pool(deep)), "none") << "too deep for JSON, or for us";
}

TEST(Minecraft, a_tag_that_expands_is_one_entry_for_each_item) {
  const Source tags[] = {
      {"data/minecraft/tags/item/fishes.json",
       R"({"values":["minecraft:cod","#minecraft:rare",{"id":"minecraft:salmon"}]})"},
      {"data/minecraft/tags/item/rare.json", R"({"values":["minecraft:puffer"]})"}};
  Options options;
  options.tags = read_tags(tags).value();
  const std::string yaml = good(minecraft(R"({"pools":[{"rolls":1,"entries":[{"type":"tag",
        "name":"minecraft:fishes","expand":true,"weight":3}]}]})",
                                          options))
                               .yaml;
  for (const char* item : {"cod", "puffer", "salmon"}) {
    EXPECT_NE(yaml.find(std::string("minecraft:") + item + "\", weight: 3}"), std::string::npos)
        << yaml;
  }
  const Source loop{"x/minecraft/tags/item/a.json", R"({"values":["#minecraft:a"]})"};
  EXPECT_FALSE(read_tags({&loop, 1}).has_value());
}

TEST(Hytale, choices_in_choices_and_percentages) {
  EXPECT_EQ(good(hytale(R"({"Container":{"Type":"Multiple","Containers":[
      {"Type":"Single","Item":{"ItemId":"Meat","QuantityMin":2,"QuantityMax":3}},
      {"Type":"Single","Weight":0.5,"Item":{"ItemId":"Seed"}},
      {"Type":"Choice","RollsMin":1,"RollsMax":2,"Containers":[
        {"Type":"Empty","Weight":60},
        {"Type":"Choice","Weight":40,"Containers":[
          {"Type":"Single","Item":{"ItemId":"Wing"}}]}]}]}})"))
                .yaml,
            R"(event: "imported"
tables:
  "drop_bat":
    always:
      - {item: "Meat", count: 2..3}
    pools:
      - chance: 1/200
        draw:
          - {item: "Seed", weight: 1}
      - rolls: 1..2
        draw:
          - {nothing: true, weight: 60}
          - {table: "drop_bat.inner", weight: 40}
  "drop_bat.inner":
    pools:
      - draw:
          - {item: "Wing", weight: 100}
)");
  EXPECT_NE(good(hytale("{}")).yaml.find("may_be_empty: true"), std::string::npos);
}

TEST(Hytale, says_what_cannot_be_had) {
  EXPECT_EQ(first_problem(hytale(R"({"Container":{"Type":"Chest"}})")),
            "Container.Type: \"Chest\" is no container: expected Single, Choice, Multiple, Empty "
            "or Droplist");
  const std::string repeated = R"({"Container":{"Type":"Multiple","MinCount":2,"MaxCount":3,
      "Containers":[{"Type":"Single","Item":{"ItemId":"A"}}]}})";
  EXPECT_NE(first_problem(hytale(repeated)).find("--assume multiple=repeat"), std::string::npos);
  Options options;
  options.assume["multiple"] = "repeat";
  EXPECT_NE(good(hytale(repeated, options)).yaml.find("rolls: 2..3"), std::string::npos);
}

TEST(Hiro, guaranteed_weighted_and_the_rest) {
  const Imported imported = good(hiro(R"({"chest":{"reward":{"guaranteed":{"items":{
      "gold":{"min":10,"max":30,"multiple":10}},"energies":{"e":{"min":1}}},"weighted":[
      {"items":{"sword":{"min":1}},"weight":3},
      {"currencies":{"gems":{"min":2,"max":4},"coins":{"min":5}},"weight":1}],
      "max_rolls":2,"total_weight":10}}})"));
  EXPECT_EQ(imported.yaml, R"(event: "imported"
tables:
  "chest":
    always:
      - {table: "chest.counts"}
    pools:
      - rolls: 2
        draw:
          - {item: "sword", weight: 3}
          - {table: "chest.row", weight: 1}
          - {nothing: true, weight: 6}
  "chest.counts":
    pools:
      - draw:
          - {item: "gold", weight: 1, count: 10}
          - {item: "gold", weight: 1, count: 20}
          - {item: "gold", weight: 1, count: 30}
  "chest.row":
    always:
      - {item: "gems", count: 2..4}
      - {item: "coins", count: 5}
)");
  ASSERT_EQ(imported.remarks.size(), 2U);
  EXPECT_TRUE(imported.remarks[0].changes_odds) << "energies are left out";
  EXPECT_FALSE(imported.remarks[1].changes_odds);
  EXPECT_NE(first_problem(hiro(R"({"weighted":[{"items":{"a":{"min":1}},"weight":5}],
                                   "total_weight":4})")),
            "none");
  EXPECT_NE(first_problem(hiro("{}")).find("there is no reward"), std::string::npos);
}

TEST(Playfab, maps_lists_and_what_the_api_answers) {
  const std::string table = R"({"TableId":"DT_Crystal","Nodes":[
      {"ResultItemType":"ItemId","ResultItem":"CrystalKey","Weight":10},
      {"ResultItemType":"TableId","ResultItem":"DT_Crystal2","Weight":25}]})";
  const std::string other = R"({"TableId":"DT_Crystal2","Nodes":[
      {"ResultItemType":"ItemId","ResultItem":"Potion","Weight":1}]})";
  const std::string expected = R"(event: "imported"
tables:
  "dt_crystal":
    pools:
      - draw:
          - {item: "CrystalKey", weight: 10}
          - {table: "dt_crystal2", weight: 25}
  "dt_crystal2":
    pools:
      - draw:
          - {item: "Potion", weight: 1}
)";
  EXPECT_EQ(good(playfab("[" + table + "," + other + "]")).yaml, expected);
  const std::string map = R"({"DT_Crystal":)" + table + R"(,"DT_Crystal2":)" + other + "}";
  EXPECT_EQ(good(playfab(map)).yaml, expected);
  EXPECT_EQ(good(playfab(R"({"code":200,"data":{"Tables":)" + map + "}}")).yaml, expected);
  EXPECT_EQ(first_problem(playfab(R"({"Nodes":[{"ResultItemType":"Bundle"}],"TableId":"a"})")),
            "Nodes[0].ResultItemType: expected ItemId or TableId, found \"Bundle\"");
}

// Cut anywhere, a file is refused.
TEST(Importers, a_cut_file_is_refused) {
  const std::string whole =
      R"({"TableId":"t","Nodes":[{"ResultItemType":"ItemId","ResultItem":"k","Weight":10}]})";
  for (std::size_t length = 0; length < whole.size(); ++length) {
    for (const auto& importer : importers) {
      const Source source{"t.json", whole.substr(0, length)};
      EXPECT_FALSE(importer.run({&source, 1}, {}).has_value()) << importer.name << " " << length;
    }
  }
}

}  // namespace
}  // namespace hunt::importers
