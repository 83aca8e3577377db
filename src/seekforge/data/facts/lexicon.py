"""Small word lists behind the checks, English and Chinese: what says the same, what turns a sentence round."""

from __future__ import annotations

STOP = frozenset(
    "a an the of to in on at by for from with as and or is are was were be been being has have had do does did it its this that "
    "these those which who whom whose what when where there here will would shall should can could may might must also than then "
    "so such very more most much many any all each every per up about around into out over under within after before between "
    "during until since if while because only just some our your their his her my we you they he she i one not n't never no "
    "s 's itself other others 的 了 是 在 为 和 与 及 或 于 以 之 其 这 那 该 此 它 他 她 他们 我们 您 你 有 被 由 对 从 到 至 "
    "等 也 都 就 而 并 但 将 会 能 可 可以 应 要 一个 一 个 着 过 给 把 让 向 上 下 中 内 里 请 呢 吗 啊 吧 每 第 约 大约 左右 即 "
    "不 没 没有 未 无 非 共".split()
)
# Words that carry little by themselves in a relation such as `waiting time`.
GENERIC = frozenset("time date year day number amount value kind name period 时间 日期 年份 数量 名称 数 时 年 日".split())

# One line a notion; a relation is recognised by any word of a notion that it names.
CUES = tuple(
    line.split()
    for line in """
limit maximum max most cap ceiling highest largest 上限 最高 最大 最多 限额 至多 不超过 封顶 超过
minimum min least lowest 下限 最低 最少 至少 最小 不低于 不少于 起码
dose dosage 剂量 用量 服用 给药 用药 服 吃 take taken
interval every 间隔 每隔 相隔
founded founding foundation established establishment incorporated created started 成立 创立 创办 创建 建立 设立 始建 建
located location lies situated 位于 坐落 地处 所在地 处于
headquarters headquartered based 总部 设在
capital 首都 省会 首府
population inhabitants residents people 人口 居民 常住人口
height high tall elevation altitude rises 海拔 高度 高 高达 身高
length long 长度 全长 长 总长 长达
depth deep 深度 深 水深 最深
width wide 宽度 宽
area covers surface 面积 占地 占地面积
price cost costs fee charge charges charged priced 价格 售价 费用 收费 价 票价 定价 卖
revenue turnover sales 营收 营业额 营业收入 收入 销售额
profit earnings 利润 净利润 盈利
employees staff workers workforce employs 员工 职工 雇员
ceo 首席执行官
chairman chair chairwoman 董事长 主席
founder founders 创始人 创办人
born birth birthday birthplace 出生 生于 诞生 出生于 生日 出生地
died death 去世 逝世 死于 卒于 病逝
author wrote written writer 作者 著 创作 写 撰写 所著
inventor invented invention 发明 发明者 发明人
discovered discovery discoverer 发现 发现者
painted painter 画家 绘制
director directed 导演 执导
duration lasts lasted takes period term 持续 历时 为期 时长 期限 周期 需时
wait waiting hold locked lock 等待 锁定
deadline due expires submitted 截止 截至 到期
valid validity expiry 有效期 保质期 有效
storage stored store kept keep keeping 保存 储存 贮藏 存放 冷藏
boiling boils 沸点 沸腾
melting melts 熔点 熔化
weight weighs mass 重量 重 体重 重达
speed fast travels 速度 时速 车速
language languages spoken 语言 官方语言
currency money 货币
opened opening opens open launched 开通 开业 开放 通车 启用 开馆 开幕
completed completion finished 建成 竣工 完工
closes closing closed 闭馆 关门 打烊
listed listing ipo 上市 挂牌
acquired acquisition bought purchased 收购 买下
happened occurred took place held 发生 举行 举办
began begin start starts 开始 爆发 起始
ended end ends 结束 终止
age aged old 年龄 岁
rate interest 利率 年化 年利率
tax 税率 税
delivery delivered sent shipped arrives 送达 配送 发货 寄出 到货
refund refunded return returned 退款 退货 退还 退
warranty guarantee guaranteed 保修 质保 保修期
answer answered reply replies respond response 答复 回复 响应
treat treats treatment 治疗 用于
president 总统
mayor 市长
temperature 温度 气温
share percentage proportion 占比 比例 份额 占
distance far away 距离 距 相距
orbits orbit period revolves 公转 绕
""".strip().splitlines()
)

NEGATORS = frozenset(
    "not n't never no none cannot without neither nor unable forbidden forbids forbid prohibited prohibits banned refused refuses "
    "refuse denied rejected disallowed unsafe contraindicated avoid avoided fails failed false untrue wrong incorrect myth invalid "
    "illegal unlawful excluded lacks ineffective harmful 禁止 严禁 禁用 忌 忌用 避免 拒绝 非法 违法 无效 错误 谣言 虚假 有害 切勿 勿 别 "
    "从不 从未 并非 没有 没".split()
)
NEGATING = "不未无没非勿"  # a Chinese word that begins with one of these denies, unless it is one of the next
NOT_NEGATING = frozenset(
    "不同 不仅 不但 不过 不断 不少 不久 不足 不到 不满 不管 不论 不锈钢 不良 不安 不止 未来 未满 未婚 无论 无线 无锡 非常 非洲 没收 无非 "
    "不得不 不可不 无不 不超过 不低于 不少于 不高于 不多于 不大于 不小于".split()
)
# Swapping a word of one side for one of the other turns a sentence round; words that deny by themselves stand above.
OPPOSITES = tuple(
    tuple(frozenset(side.split()) for side in line.split(" / "))
    for line in """
raises raise raised increases increase increased rises rise 升高 增加 提高 上升 / lowers lower lowered decreases decrease decreased reduces reduce reduced falls fall 降低 减少 下降
before 之前 以前 饭前 餐前 空腹 / after 之后 以后 饭后 餐后
safe 安全 / dangerous 危险
includes include included including 包括 包含 / excludes exclude excluding 除外
free 免费 / paid charged chargeable 收费 付费
open 开放 / closed 关闭
promotes stimulates 促进 / inhibits suppresses 抑制
optional voluntary 自愿 可选 / mandatory compulsory required 必须 强制
""".strip().splitlines()
)
# Of one kind but not the same: what is said of one need not hold for another.
ASPECTS = tuple(
    tuple(frozenset(side.split()) for side in line.split(" / "))
    for line in """
adult adults 成人 成年人 / child children kids paediatric pediatric 儿童 小孩 / infant infants baby babies 婴儿 婴幼儿 / elderly 老年人 老人 / pregnant pregnancy 孕妇 / student students 学生
minimum least lowest min smallest shortest 最低 最小 最少 至少 下限 最短 / maximum max highest largest longest limit 最高 最大 最多 至多 上限 最长
single 单次 一次 每次 / daily 每日 每天 / weekly 每周 / monthly 每月 / yearly annual annually 每年 全年
male men man 男 男性 男子 / female women woman 女 女性 女子
export exports exported 出口 / import imports imported 进口
domestic 国内 / international overseas abroad foreign 国际 国外 海外
net 净 / gross 毛
oral orally 口服 / intravenous injection injected 静脉 注射 / topical external 外用
born birth 出生 生于 诞生 / died death 去世 逝世
weekday weekdays monday 工作日 / weekend weekends sunday 周末 节假日
summer 夏季 / winter 冬季
founded established 成立 创立 创办 / listed ipo 上市 / acquired 收购 / closed dissolved 倒闭 解散
opens opening open 开馆 开门 / closes closing 闭馆 关门 打烊
height high tall elevation 海拔 高 / length long 长 全长 / depth deep 深 水深 / width wide 宽
boiling boils 沸点 沸腾 / melting melts 熔点
revenue sales 营收 / profit 利润 净利润
""".strip().splitlines()
)
COMPARING = frozenset("than unlike compared whereas versus 比 不同于 相比 不像 而不是 区别于".split())
CONDITION = frozenset("if unless when whenever whether suppose assuming 如果 若 假如 倘若 当 除非 是否 假设 如".split())
HEDGES = frozenset("perhaps maybe possibly probably might could allegedly reportedly supposedly formerly previously originally "
                   "也许 可能 据说 或许 曾 曾经 原来 原先 以前 此前 过去".split())  # fmt: skip
COPULAS = frozenset("is are was were be being called named : = 是 为 即 叫 叫做 系".split())
PLACING = frozenset("in at 位于 设在 坐落于 在 于".split())  # as copulas, of relations that are about a place
