"""Scoring, teams, waiting lists, fair play, chat, templates, certificates."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contests', '0005_withdrawn'),
        ('trading', '0010_practice'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Appeal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('body', models.CharField(max_length=2000)),
                ('status', models.CharField(choices=[('open', 'Open'), ('granted', 'Granted'), ('refused', 'Refused')], default='open', max_length=8)),
                ('answer', models.CharField(blank=True, max_length=500)),
                ('answered_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Broadcast',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('body', models.CharField(max_length=1000)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Certificate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=24, unique=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name='Comment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('body', models.CharField(max_length=500)),
                ('hidden_at', models.DateTimeField(blank=True, null=True)),
                ('hidden_reason', models.CharField(blank=True, max_length=200)),
                ('reports_count', models.PositiveIntegerField(db_default=0, default=0)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='CommentReport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name='ContestTemplate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(unique=True)),
                ('name', models.CharField(max_length=120)),
                ('blurb', models.CharField(blank=True, help_text='What it is like, in a sentence', max_length=200)),
                ('document', models.JSONField(help_text='As contests.domain.templates writes it')),
                ('cadence', models.CharField(choices=[('none', 'None'), ('hourly', 'Hourly'), ('daily', 'Daily'), ('weekdays', 'Weekdays'), ('weekly', 'Weekly'), ('monthly', 'Monthly')], default='none', max_length=8)),
                ('zone', models.CharField(default='UTC', help_text='Where its start has the same time all year', max_length=40)),
                ('next_at', models.DateTimeField(blank=True, help_text='Start of the next contest that it makes by itself', null=True)),
                ('is_arena', models.BooleanField(default=False, help_text='Anyone may start one of their own: the replay arena')),
                ('is_active', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Finding',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('mirrored', 'Mirrored'), ('opposite', 'Opposite'), ('shared_identity', 'Shared Identity'), ('stale_prices', 'Stale Prices'), ('illiquid', 'Illiquid')], max_length=16)),
                ('score', models.PositiveSmallIntegerField(help_text='0 to 100: how far from what chance explains')),
                ('evidence', models.JSONField(help_text='Figures, and the orders and fills that they come from')),
                ('status', models.CharField(choices=[('open', 'Open'), ('upheld', 'Upheld'), ('dismissed', 'Dismissed')], default='open', max_length=9)),
                ('note', models.CharField(blank=True, help_text='Why a moderator decided so', max_length=500)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'ordering': ['-score', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Follow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name='Mute',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('until', models.DateTimeField(blank=True, null=True)),
                ('reason', models.CharField(max_length=200)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name='Sanction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('warn', 'Warn'), ('exclude', 'Exclude'), ('disqualify', 'Disqualify'), ('reinstate', 'Reinstate')], max_length=10)),
                ('reason', models.CharField(max_length=500)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='ScoreState',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day_index', models.IntegerField()),
                ('tick', models.IntegerField()),
                ('columns', models.BinaryField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name='Team',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=40)),
                ('code', models.CharField(help_text='Who has it may join while there is room', max_length=32)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name='TeamMember',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('joined_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('left_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Waiting',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('status', models.CharField(choices=[('waiting', 'Waiting'), ('offered', 'Offered'), ('joined', 'Joined'), ('left', 'Left'), ('expired', 'Expired')], default='waiting', max_length=8)),
                ('offered_until', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'verbose_name_plural': 'waiting',
            },
        ),
        migrations.AddField(
            model_name='contest',
            name='scoring',
            field=models.CharField(choices=[('value', 'Value'), ('return', 'Return'), ('calmar', 'Calmar'), ('sortino', 'Sortino'), ('drawdown', 'Drawdown')], db_default='value', default='value', help_text='What ranks: see contests.domain.scoring', max_length=10),
        ),
        migrations.AddField(
            model_name='contest',
            name='sharing',
            field=models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=dict, help_text='contests.domain.sharing'),
        ),
        migrations.AddField(
            model_name='contest',
            name='sponsors',
            field=models.JSONField(blank=True, db_default=models.Value([], models.JSONField()), default=list, help_text='[{name, url}]'),
        ),
        migrations.AddField(
            model_name='participant',
            name='final_score',
            field=models.BigIntegerField(blank=True, help_text='What ranked it; see contests.domain.scoring', null=True),
        ),
        migrations.AddField(
            model_name='participant',
            name='resets',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, help_text='How often it began anew'),
        ),
        migrations.AddField(
            model_name='standingsnapshot',
            name='packed',
            field=models.BinaryField(help_text='Everyone: contests.domain.packing, [account, rank, value]', null=True),
        ),
        migrations.AlterField(
            model_name='participant',
            name='status',
            field=models.CharField(choices=[('active', 'Active'), ('withdrawn', 'Withdrawn'), ('excluded', 'Excluded'), ('barred', 'Disqualified')], db_default='active', default='active', max_length=10),
        ),
        migrations.AddField(
            model_name='appeal',
            name='answered_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='broadcast',
            name='author',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='broadcast',
            name='contest',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='broadcasts', to='contests.contest'),
        ),
        migrations.AddField(
            model_name='certificate',
            name='participant',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='certificate', to='contests.participant'),
        ),
        migrations.AddField(
            model_name='comment',
            name='author',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='comment',
            name='contest',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='comments', to='contests.contest'),
        ),
        migrations.AddField(
            model_name='comment',
            name='hidden_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='commentreport',
            name='comment',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reports', to='contests.comment'),
        ),
        migrations.AddField(
            model_name='commentreport',
            name='reporter',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='contesttemplate',
            name='created_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='contest',
            name='template',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='contests', to='contests.contesttemplate'),
        ),
        migrations.AddField(
            model_name='finding',
            name='contest',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='findings', to='contests.contest'),
        ),
        migrations.AddField(
            model_name='finding',
            name='decided_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='finding',
            name='other',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='contests.participant'),
        ),
        migrations.AddField(
            model_name='finding',
            name='participant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='findings', to='contests.participant'),
        ),
        migrations.AddField(
            model_name='follow',
            name='followed',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='follow',
            name='follower',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='mute',
            name='contest',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='mutes', to='contests.contest'),
        ),
        migrations.AddField(
            model_name='mute',
            name='decided_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='mute',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='sanction',
            name='decided_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='sanction',
            name='finding',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='sanctions', to='contests.finding'),
        ),
        migrations.AddField(
            model_name='sanction',
            name='participant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sanctions', to='contests.participant'),
        ),
        migrations.AddField(
            model_name='appeal',
            name='sanction',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='appeal', to='contests.sanction'),
        ),
        migrations.AddField(
            model_name='scorestate',
            name='contest',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='contests.contest'),
        ),
        migrations.AddField(
            model_name='team',
            name='contest',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='teams', to='contests.contest'),
        ),
        migrations.AddField(
            model_name='team',
            name='participant',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='team', to='contests.participant'),
        ),
        migrations.AddField(
            model_name='teammember',
            name='contest',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='contests.contest'),
        ),
        migrations.AddField(
            model_name='teammember',
            name='team',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='members', to='contests.team'),
        ),
        migrations.AddField(
            model_name='teammember',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='waiting',
            name='contest',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='waiting', to='contests.contest'),
        ),
        migrations.AddField(
            model_name='waiting',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name='comment',
            index=models.Index(fields=['contest', '-id'], name='comment_newest'),
        ),
        migrations.AddIndex(
            model_name='comment',
            index=models.Index(condition=models.Q(('hidden_at__isnull', True), ('reports_count__gt', 0)), fields=['-reports_count', '-id'], name='comment_reported'),
        ),
        migrations.AddConstraint(
            model_name='commentreport',
            constraint=models.UniqueConstraint(fields=('comment', 'reporter'), name='comment_report_once'),
        ),
        migrations.AddConstraint(
            model_name='contesttemplate',
            constraint=models.CheckConstraint(condition=models.Q(('cadence', 'none'), ('next_at__isnull', False), _connector='OR'), name='template_has_next'),
        ),
        migrations.AddIndex(
            model_name='finding',
            index=models.Index(fields=['status', '-score', '-id'], name='finding_queue'),
        ),
        migrations.AddConstraint(
            model_name='finding',
            constraint=models.UniqueConstraint(fields=('contest', 'kind', 'participant', 'other'), name='finding_once', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='finding',
            constraint=models.CheckConstraint(condition=models.Q(('score__lte', 100)), name='finding_score'),
        ),
        migrations.AddIndex(
            model_name='follow',
            index=models.Index(fields=['followed', 'id'], name='follow_followers'),
        ),
        migrations.AddConstraint(
            model_name='follow',
            constraint=models.UniqueConstraint(fields=('follower', 'followed'), name='follow_once'),
        ),
        migrations.AddConstraint(
            model_name='follow',
            constraint=models.CheckConstraint(condition=models.Q(('follower', models.F('followed')), _negated=True), name='follow_others'),
        ),
        migrations.AddConstraint(
            model_name='mute',
            constraint=models.UniqueConstraint(fields=('contest', 'user'), name='mute_once'),
        ),
        migrations.AddIndex(
            model_name='appeal',
            index=models.Index(fields=['status', 'id'], name='appeal_queue'),
        ),
        migrations.AddConstraint(
            model_name='scorestate',
            constraint=models.UniqueConstraint(fields=('contest', 'day_index'), name='score_state_once'),
        ),
        migrations.AddConstraint(
            model_name='team',
            constraint=models.UniqueConstraint(fields=('contest', 'name'), name='team_name_once'),
        ),
        migrations.AddIndex(
            model_name='teammember',
            index=models.Index(fields=['user', '-id'], name='team_member_user'),
        ),
        migrations.AddConstraint(
            model_name='teammember',
            constraint=models.UniqueConstraint(condition=models.Q(('left_at__isnull', True)), fields=('contest', 'user'), name='team_member_once'),
        ),
        migrations.AddIndex(
            model_name='waiting',
            index=models.Index(fields=['contest', 'status', 'id'], name='contest_waiting'),
        ),
        migrations.AddConstraint(
            model_name='waiting',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['waiting', 'offered'])), fields=('contest', 'user'), name='contest_waiting_once'),
        ),
        migrations.AddConstraint(
            model_name='waiting',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'offered'), _negated=True), ('offered_until__isnull', False), _connector='OR'), name='contest_offer_ends'),
        ),
        migrations.RunSQL(
            "SELECT core_append_only_attach('contests_scorestate')",
            "SELECT core_append_only_detach('contests_scorestate')",
        ),
        migrations.RunSQL(
            "SELECT core_append_only_attach('contests_broadcast')",
            "SELECT core_append_only_detach('contests_broadcast')",
        ),
        migrations.RunSQL(
            "SELECT core_append_only_attach('contests_certificate')",
            "SELECT core_append_only_detach('contests_certificate')",
        ),
        migrations.RunSQL(
            "SELECT core_append_only_attach('contests_sanction')",
            "SELECT core_append_only_detach('contests_sanction')",
        ),
        migrations.RunSQL(
            "SELECT core_append_only_attach('contests_commentreport')",
            "SELECT core_append_only_detach('contests_commentreport')",
        ),
    ]
